"""The words that are added to a forecast, told of its median and its band."""

import numpy as np
import pytest

from tsfm_runner.api.tollama.explaining import explanation_of

PAST = np.array([0.4, np.nan, 0.6])


def explained(
    median: list[float], *, width: float = 0.1, growth: float = 0.0, n_levels: int = 3
) -> dict[str, object]:
    """Return what is told of a median, and of a band around it that may grow."""
    widths = width + growth * np.arange(len(median))
    shares = np.linspace(-0.5, 0.5, n_levels) if n_levels > 1 else np.array([0.4])
    columns = (np.array(median) + shares[:, None] * widths).tolist()
    return explanation_of("rain", PAST, median, columns)


@pytest.mark.parametrize(
    ("median", "trend", "patterns"),
    [
        (
            [0.5, 0.52, 0.54],
            "up",
            ["mean forecast shows an upward trajectory", "monotonic increasing"],
        ),
        (
            [0.5, 0.48, 0.46],
            "down",
            ["mean forecast shows a downward trajectory", "monotonic decreasing"],
        ),
        (
            [0.5, 0.5, 0.5],
            "flat",
            ["mean forecast is relatively flat", "monotonic increasing"],
        ),
        ([0.5, 0.6, 0.5], "flat", ["mean forecast is relatively flat"]),
    ],
)
def test_the_trend_is_that_of_the_median(
    median: list[float], trend: str, patterns: list[str]
) -> None:
    told = explained(median)

    shape, *ways = patterns
    assert told["id"] == "rain"
    assert told["trend_direction"] == trend
    assert told["notable_patterns"] == [shape, *(f"forecast is {way}" for way in ways)]


@pytest.mark.parametrize(
    ("width", "word"), [(0.04, "high"), (0.2, "moderate"), (0.6, "low")]
)
def test_a_band_is_tight_or_wide_beside_its_median(width: float, word: str) -> None:
    told = explained([0.5, 0.5, 0.5], width=width)

    assert str(told["confidence_assessment"]).startswith(f"{word} confidence")


def test_a_single_level_tells_nothing_of_a_band() -> None:
    told = explained([0.5, 0.5], growth=0.1, n_levels=1)

    assert told["confidence_assessment"] == "quantile uncertainty unavailable"
    assert "uncertainty" not in str(told["notable_patterns"])


@pytest.mark.parametrize(("growth", "verb"), [(0.05, "widens"), (-0.02, "narrows")])
def test_a_band_that_changes_is_told_of(growth: float, verb: str) -> None:
    told = explained([0.5, 0.5, 0.5], growth=growth)

    assert f"uncertainty {verb} over the forecast horizon" in str(told)


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (0.7, "forecast mean is 40.0% above historical mean"),
        (0.3, "forecast mean is 40.0% below historical mean"),
        (0.51, "forecast mean is close to historical mean"),
        (0.0, "forecast mean is 100.0% below historical mean"),
    ],
)
def test_the_median_is_held_against_the_past(price: float, words: str) -> None:
    assert explained([price, price])["historical_comparison"] == words
