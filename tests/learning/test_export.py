"""What was trained becomes a model that is known to answer like the network."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from tests.learning.weights import TINY, random_weights

from tsfm_runner.adapters.models.adding import write_model
from tsfm_runner.adapters.models.golden import Golden, inputs_of, read_golden
from tsfm_runner.adapters.models.verifying import verify
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.export import Naming, require_same, to_candidate
from tsfm_runner.learning.network import network_of

NAMING = Naming("mine", "7", "MIT", "commercial_ok", "of a test")
WEIGHTS = {
    name: values.astype(np.float16).astype(np.float32)
    for name, values in random_weights(TINY, seed=5).items()
}


def test_an_exported_model_is_whole_and_says_where_it_is_from(tmp_path: Path) -> None:
    added_at = datetime(2026, 11, 26, tzinfo=UTC)

    candidate = to_candidate(
        WEIGHTS, NAMING, made_by={"seed": 5}, source="a test", added_at=added_at
    )
    stored = write_model(candidate, tmp_path / "mine" / "7")

    assert verify(stored).n_known_answers > 5
    assert stored.label == "mine@7"
    assert stored.manifest.made_by == {"seed": 5}
    assert stored.manifest.license_name == "MIT"
    assert stored.manifest.added_at == added_at


def test_golden_answers_are_those_of_the_network(tmp_path: Path) -> None:
    made = to_candidate(WEIGHTS, NAMING, made_by={}, source="a test", added_at=None)
    golden = read_golden(write_model(made, tmp_path).golden_file)

    inputs = inputs_of(golden.contexts)
    with torch.no_grad():
        shown = map(torch.from_numpy, (inputs.features, inputs.channels))
        expected = network_of(WEIGHTS)(*shown).numpy()

    assert golden.offsets == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_graph_that_answers_otherwise_is_not_exported() -> None:
    golden = to_candidate(
        WEIGHTS, NAMING, made_by={}, source="a test", added_at=None
    ).golden
    wrong = Golden(golden.contexts, golden.offsets + np.float32(0.01))

    with pytest.raises(TrainingError, match="answers otherwise than the network"):
        require_same(wrong, WEIGHTS)
