"""The network computes what its graph does, and starts from a sensible band."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from tests.learning.weights import TINY, random_weights

from tsfm_runner.adapters.onnx_session import OnnxSession
from tsfm_runner.core.foundation.signature import (
    CONTEXT_STEPS,
    N_CHANNELS,
    N_FEATURES,
    NATIVE_LEVELS,
)
from tsfm_runner.learning.graph import to_graph
from tsfm_runner.learning.network import Network, n_weights, network_of, weights_of
from tsfm_runner.learning.shape import NetworkShape


def shown(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20261126)
    return {
        "features": rng.normal(size=(n, N_FEATURES)).astype(np.float32),
        "channels": rng.normal(size=(n, N_CHANNELS, CONTEXT_STEPS)).astype(np.float32),
    }


def answered(network: Network, rows: dict[str, np.ndarray]) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(network(*map(torch.from_numpy, rows.values())))


@pytest.mark.parametrize("shape", [TINY, NetworkShape(width=48, n_blocks=3)])
def test_network_and_graph_agree(shape: NetworkShape) -> None:
    weights = random_weights(shape, seed=3)
    graph = to_graph(weights, {}, is_half=False).SerializeToString()

    by_torch = answered(network_of(weights), shown(30))
    by_onnx = OnnxSession(graph, threads=1).run("offsets", shown(30))

    assert by_onnx == pytest.approx(by_torch, rel=1e-4, abs=1e-4)


def test_a_new_network_answers_ascending_symmetric_quantiles() -> None:
    torch.manual_seed(1)

    offsets = answered(Network(NetworkShape()), shown(30)).mean(axis=(0, 1))

    assert (np.diff(offsets) > 0).all()
    assert offsets == pytest.approx(-offsets[::-1], abs=0.1)
    assert offsets[NATIVE_LEVELS.index(0.9)] == pytest.approx(0.6 * 1.28, abs=0.1)


def test_weights_make_the_same_network_again() -> None:
    torch.manual_seed(2)
    network = Network(TINY)

    again = network_of(weights_of(network))

    assert (answered(again, shown(5)) == answered(network, shown(5))).all()


def test_the_default_shape_is_small() -> None:
    assert n_weights(Network(NetworkShape())) < 1_000_000
