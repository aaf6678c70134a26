"""The graph keeps its weights, answers ascending quantiles, and each row alone."""

import numpy as np
import onnx
import pytest
from tests.learning.weights import TINY, random_weights

from tsfm_runner.adapters.onnx_session import OnnxSession
from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.core.foundation.signature import (
    ANCHOR_STEPS,
    CONTEXT_STEPS,
    N_CHANNELS,
    N_FEATURES,
    NATIVE_LEVELS,
)
from tsfm_runner.learning.graph import to_graph, to_weights
from tsfm_runner.learning.shape import NetworkShape

WEIGHTS = random_weights(TINY, seed=20261126)
WORDS = {"signature": "tsfm-1", "name": "tiny"}


def shown(n: int) -> dict[str, Float32Array]:
    rng = np.random.default_rng(20261127)
    return {
        "features": rng.normal(size=(n, N_FEATURES)).astype(np.float32),
        "channels": rng.normal(size=(n, N_CHANNELS, CONTEXT_STEPS)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def session() -> OnnxSession:
    graph = to_graph(WEIGHTS, WORDS, is_half=False)
    return OnnxSession(graph.SerializeToString(), threads=1)


def test_quantiles_never_cross(session: OnnxSession) -> None:
    offsets = session.run("offsets", shown(50))

    assert offsets.shape == (50, len(ANCHOR_STEPS), len(NATIVE_LEVELS))
    assert (np.diff(offsets) >= 0).all()
    assert offsets.std(axis=0).min() > 0


def test_a_row_is_answered_alike_alone_and_in_company(session: OnnxSession) -> None:
    rows = shown(20)

    together = session.run("offsets", rows)
    alone = [
        session.run("offsets", {name: part[i : i + 1] for name, part in rows.items()})
        for i in range(20)
    ]

    assert np.concatenate(alone) == pytest.approx(together, abs=1e-5)


def test_the_graph_says_what_it_is(session: OnnxSession) -> None:
    assert session.metadata == WORDS
    assert session.inputs["channels"] == ("n", 3, 288)


def test_weights_are_read_back_as_they_were() -> None:
    back = to_weights(to_graph(WEIGHTS, WORDS, is_half=False))

    assert back.keys() == WEIGHTS.keys()
    assert all((back[name] == values).all() for name, values in WEIGHTS.items())
    assert NetworkShape.of(back) == TINY


def test_half_precision_halves_the_file_and_moves_answers_little() -> None:
    whole = to_graph(WEIGHTS, WORDS, is_half=False)
    half = to_graph(WEIGHTS, WORDS, is_half=True)

    sizes = [
        sum(len(one.raw_data) for one in model.graph.initializer)
        for model in (half, whole)
    ]
    answers = [
        OnnxSession(model.SerializeToString(), threads=1).run("offsets", shown(9))
        for model in (half, whole)
    ]

    assert sizes[0] < 0.6 * sizes[1]
    assert answers[0] == pytest.approx(answers[1], rel=0.02, abs=0.02)
    assert to_weights(half).keys() == WEIGHTS.keys()


def test_a_graph_of_someone_else_has_no_weights_of_ours() -> None:
    foreign = onnx.helper.make_graph([], "foreign", [], [])

    with pytest.raises(ValueError, match="not made by tsfm-runner's training"):
        to_weights(onnx.helper.make_model(foreign))
