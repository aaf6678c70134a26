"""What can be known of a training before it begins."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.adapters.embedded.stored import store_model

from tsfm_runner.adapters.models import ModelStore
from tsfm_runner.bootstrap.training import free_revision, require_extra
from tsfm_runner.errors import ConfigurationError

TODAY = datetime(2026, 11, 26, 7, tzinfo=UTC)


def test_what_only_training_needs_is_named_where_it_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"needs no_such_torch: pip install"):
        require_extra(("numpy", "no_such_torch"))


def test_nothing_is_said_where_all_of_it_is_there() -> None:
    require_extra(("numpy", "json"))


def test_revisions_are_dates_and_counted_on_within_a_day(tmp_path: Path) -> None:
    store = ModelStore([tmp_path])

    found = []
    for _ in range(3):
        revision = free_revision(store, "mine", TODAY)
        store_model(tmp_path, name="mine", revision=revision)
        found.append(revision)

    assert found == ["2026-11-26", "2026-11-26.2", "2026-11-26.3"]
    assert free_revision(store, "other", TODAY) == "2026-11-26"
