"""Time, and how much of a context is known, by hand."""

import math

import numpy as np
import pytest
from tests.core.foundation.seen import window_of

from tsfm_runner.core.foundation.circumstances import circumstance_features

WINDOW = window_of([0.5] * 288, [0.5] * 4)


def features_of(
    is_observed: np.ndarray | None = None,
    step_minutes: float = 5,
    steps_to_close: float = math.nan,
) -> dict[str, np.ndarray]:
    return circumstance_features(
        WINDOW,
        is_observed=np.ones((2, 288), bool) if is_observed is None else is_observed,
        step_minutes=np.full(2, step_minutes, dtype=np.float64),
        steps_to_close=np.full(2, steps_to_close),
    )


@pytest.mark.parametrize(
    ("step_minutes", "told"), [(1, -0.805), (5, 0), (60, 1.242), (1440, 2.831)]
)
def test_every_cadence_is_told_in_small_numbers(
    step_minutes: float, told: float
) -> None:
    features = features_of(step_minutes=step_minutes)

    assert features["log_step_minutes"] == pytest.approx(told, abs=1e-3)


def test_a_close_ahead_is_told() -> None:
    features = features_of(steps_to_close=math.exp(6) - 1)

    assert features["knows_close"].tolist() == [1, 1]
    assert features["log_steps_to_close"] == pytest.approx(0)


@pytest.mark.parametrize("steps_to_close", [math.nan, 0, -5])
def test_a_close_that_is_unknown_or_past_is_not(steps_to_close: float) -> None:
    features = features_of(steps_to_close=steps_to_close)

    assert features["knows_close"].tolist() == [0, 0]
    assert features["log_steps_to_close"].tolist() == [0, 0]


def test_gaps_are_counted_in_what_is_no_padding() -> None:
    is_observed = np.zeros((2, 288), dtype=bool)
    is_observed[:, -3:] = True

    features = features_of(is_observed)

    assert features["gap_share"] == pytest.approx([285 / 288, 1 / 4])
    assert features["log_length"] == pytest.approx([0, math.log(4 / 288)])
