"""``train`` refuses what it cannot do, and stores no model that is not proven."""

import json
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tests.cli.command_line import run
from tests.evaluation.recordings import make_markets
from tests.evaluation.studies import table_of

from tsfm_runner.adapters.models.adding import write_model

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HAS_TORCH = find_spec("torch") is not None
needs_torch = pytest.mark.skipif(
    not HAS_TORCH, reason="the extra `train` is not installed"
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "prices.parquet"
    table_of(make_markets(60, n_points=60)).write_parquet(path)
    return path


@pytest.mark.parametrize("sources", [[], ["--from-ledger", "--from", "prices.csv"]])
def test_there_is_one_source_to_learn_from(sources: list[str]) -> None:
    result = run("train", "--name", "mine", *sources)

    assert result.exit_code == 2
    assert "--from: must be given, or --from-ledger, not both" in result.stderr


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed")
def test_without_torch_it_says_how_to_get_it(recording: Path) -> None:
    result = run("train", "--name", "mine", "--from", recording)

    assert result.exit_code == 3
    assert "training needs torch: pip install 'tsfm-runner[train]'" in result.stderr


@needs_torch
@pytest.mark.parametrize(
    ("name", "fault"),
    [("tsfm-mini", "is another model's"), ("../mine", "--name: must be 1 to 64")],
)
def test_names_that_cannot_be_used_are_refused_at_once(
    recording: Path, tmp_path: Path, name: str, fault: str
) -> None:
    folder = {"TSFM_EMBEDDED__MODELS_DIR": str(tmp_path / "models")}

    result = run("train", "--name", name, "--from", recording, environ=folder)

    assert result.exit_code in {2, 3}
    assert fault in result.stderr


@needs_torch
def test_too_few_events_say_how_many_are_needed(
    recording: Path, tmp_path: Path
) -> None:
    folder = {"TSFM_EMBEDDED__MODELS_DIR": str(tmp_path / "models")}

    result = run("train", "--name", "mine", "--from", recording, environ=folder)

    assert result.exit_code == 2
    assert "of 30 events" in result.stderr
    assert "record about 100 events" in result.stderr


@needs_torch
def test_a_model_that_is_not_proven_is_not_stored(
    recording: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    store_network(models)

    result = run(
        *("train", "--name", "mine", "--from", recording, "--base", "first"),
        *("--minutes", "0.02", "--jobs", "1", "--json"),
        environ={
            "TSFM_EMBEDDED__MODELS_DIR": str(models),
            "TSFM_VERDICT__MIN_GROUPS": "3",
        },
    )

    assert result.exit_code == 1
    assert [path.name for path in models.iterdir()] == ["first"]
    if result.stdout:  # else nothing better was found on the watched events
        told = json.loads(result.stdout)
        assert told["base"] == "first@1"
        assert not told["is_kept"]
        assert told["judged"][0]["reason"] in {"not_better", "not_significant"}
    else:
        assert "nothing better than first@1 was found" in result.stderr


def store_network(folder: Path) -> None:
    """Store a network of random weights that were made small, so that it is sane."""
    from tests.learning.weights import TINY, random_weights  # noqa: PLC0415

    from tsfm_runner.learning.export import Naming, to_candidate  # noqa: PLC0415

    weights = {
        name: (0.1 * values).astype(np.float32)
        for name, values in random_weights(TINY, seed=2).items()
    }
    naming = Naming("first", "1", "MIT", "commercial_ok", "of a test")
    made = to_candidate(weights, naming, made_by={}, source="a test", added_at=NOW)
    write_model(made, folder / "first" / "1")
