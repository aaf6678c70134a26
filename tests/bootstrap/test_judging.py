"""A model is judged beside its base and all baselines, and kept only if preferred."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.adapters.embedded.stored import store_model
from tests.adapters.models.graphs import model_bytes
from tests.evaluation.recordings import make_markets

from tsfm_runner.adapters.models import ModelStore
from tsfm_runner.adapters.models.adding import Candidate, try_candidate
from tsfm_runner.adapters.models.store import model_store
from tsfm_runner.bootstrap.training import judge, kept_if_preferred
from tsfm_runner.config import Settings
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.verdict.preferring import Preference

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SETTINGS = Settings.model_validate({"verdict": {"min_groups": 3}})


def candidate(slope: float, name: str = "tiny") -> Candidate:
    return try_candidate(
        model_bytes(slope=slope),
        said={"name": name, "revision": "2"},
        known=None,
        source="a test",
        added_at=NOW,
    )


def test_a_model_is_held_against_its_base_of_the_same_name(tmp_path: Path) -> None:
    base = store_model(tmp_path / "models", slope=0.5)
    told: list[tuple[int, int]] = []
    work = tmp_path / "work"
    work.mkdir()

    found = judge(
        candidate(0.5),
        base,
        make_markets(6, n_points=40),
        SETTINGS,
        folder=work,
        now=NOW,
        n_workers=1,
        tell=lambda n_done, n_all: told.append((n_done, n_all)),
    )

    [one] = found.segments
    n_units = told[0][1]
    assert not found.is_preferred
    assert (one.key.model_name, one.n_groups) == ("tiny.candidate", 3)
    assert one.ratio == pytest.approx(1) or one.against != "tiny"
    assert told == [(n_done, n_units) for n_done in range(1, n_units + 1)]


def test_a_preferred_model_is_stored(tmp_path: Path) -> None:
    store = model_store(tmp_path)

    kept = kept_if_preferred(
        store, candidate(0.5, "mine"), Preference(True, ()), reserved=()
    )

    assert kept is not None
    assert store.find("mine") == kept
    assert kept.label == "mine@2"


def test_any_other_leaves_no_trace(tmp_path: Path) -> None:
    kept = kept_if_preferred(
        ModelStore([tmp_path]), candidate(0.5), Preference(False, ()), reserved=()
    )

    assert kept is None
    assert not list(tmp_path.iterdir())


def test_a_name_that_was_taken_meanwhile_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(InvalidTaskError, match="another model's"):
        kept_if_preferred(
            model_store(tmp_path),
            candidate(0.5, "mine"),
            Preference(True, ()),
            reserved={"mine"},
        )
