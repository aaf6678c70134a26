"""The loss is the pinball loss, weighed; what nobody knows does not count."""

import numpy as np
import pytest
from scoringrules import quantile_score

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from tsfm_runner.core.foundation.signature import ANCHOR_STEPS, NATIVE_LEVELS
from tsfm_runner.learning.loss import LossWeights, pinball_loss

SHAPE = (3, len(ANCHOR_STEPS), len(NATIVE_LEVELS))
ALIKE = LossWeights(softening=0.0, far_weight=1.0)


def draws(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    offsets = np.sort(rng.normal(size=SHAPE).astype(np.float32))
    scale = np.array([0.001, 0.01, 0.05], dtype=np.float32)
    return offsets, rng.normal(size=SHAPE[:2]).astype(np.float32), scale


def loss(
    offsets: np.ndarray, changes: np.ndarray, scale: np.ndarray, weights: LossWeights
) -> float:
    tensors = map(torch.from_numpy, (offsets, changes, scale))
    return float(pinball_loss(*tensors, weights=weights))


def test_weighed_alike_it_is_the_mean_pinball_loss() -> None:
    offsets, changes, scale = draws(1)

    expected = quantile_score(changes[..., None], offsets, np.array(NATIVE_LEVELS))

    assert loss(offsets, changes, scale, ALIKE) == pytest.approx(expected.mean(), 1e-5)


def test_a_wild_market_counts_for_more_than_a_dull_one() -> None:
    offsets, changes, _ = draws(2)
    scale = np.array([0.002, 0.002, 1e9], dtype=np.float32)
    weights = LossWeights(softening=0.002, far_weight=1.0)

    by_row = [
        loss(offsets[[row]], changes[[row]], scale[[2]], weights) for row in range(3)
    ]

    expected = (by_row[0] / 2 + by_row[1] / 2 + by_row[2]) / 3
    assert loss(offsets, changes, scale, weights) == pytest.approx(expected, 1e-5)


def test_far_steps_count_half() -> None:
    weights = LossWeights().of_steps().numpy()

    assert weights[0] == pytest.approx(2 * weights[-1])
    assert weights.sum() == pytest.approx(1)
    assert (weights == weights[0]).sum() == 12


def test_unknown_futures_change_nothing_and_teach_nothing() -> None:
    offsets, changes, scale = draws(3)
    changes[:, 5:] = np.nan
    learned = torch.from_numpy(offsets).requires_grad_()

    value = pinball_loss(
        learned, torch.from_numpy(changes), torch.from_numpy(scale), weights=ALIKE
    )
    value.backward()

    assert torch.isfinite(value)
    assert torch.isfinite(learned.grad).all()
    assert (learned.grad[:, 5:] == 0).all()
    assert (learned.grad[:, :5] != 0).any()
