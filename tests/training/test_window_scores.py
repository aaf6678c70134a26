"""Scores of windows: ratios by event, as worked by hand."""

from typing import Any

import numpy as np
import pytest

from window_scores import LEVELS, MODEL, RIVALS, judged, scored

EVENTS = np.array(["a", "a", "b", "b", "c", "c"])
WEIGHTS = np.array([1.0, 1.0, 2.0, 2.0, 1.0, 1.0])


def band(width: float, n: int = 6) -> np.ndarray:
    offsets = np.linspace(-width / 2, width / 2, len(LEVELS))
    return np.broadcast_to(0.5 + offsets, (n, 12, len(LEVELS))).copy()


def found(**bands: np.ndarray) -> dict[str, Any]:
    futures = np.full((6, 12), 0.5)
    futures[:2] = 0.9
    return judged(scored(bands, futures, weights=WEIGHTS), EVENTS)


def test_a_model_is_judged_against_each_baseline() -> None:
    told = found(**{MODEL: band(0.1)}, **dict.fromkeys(RIVALS, band(0.2)))

    pinball = {
        width: np.average(
            [_pinball(0.9, width), _pinball(0.5, width), _pinball(0.5, width)],
            weights=[2, 4, 2],
        )
        for width in (0.1, 0.2)
    }
    ratio = pinball[0.1] / pinball[0.2]
    ratios = {name: one["value"] for name, one in told["ratios"].items()}
    assert ratios == pytest.approx(dict.fromkeys(RIVALS, ratio))
    score = told["scores"][MODEL]
    assert score["mean_pinball"]["value"] == pytest.approx(pinball[0.1])
    assert score["closed"]["value"] == pytest.approx(6 / 8)
    assert score["width"]["value"] == pytest.approx(0.1)
    assert (told["n_windows"], told["n_events"]) == (6, 3)


def test_a_model_that_is_the_baseline_is_no_better_and_surely_so() -> None:
    told = found(**dict.fromkeys((MODEL, *RIVALS), band(0.1)))

    assert told["ratios"]["har"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def _pinball(outcome: float, width: float) -> float:
    values = 0.5 + np.linspace(-width / 2, width / 2, len(LEVELS))
    levels = np.array(LEVELS)
    errors = outcome - values
    return float(np.maximum(levels * errors, (levels - 1) * errors).mean())
