"""The words that a daemon adds to every forecast, told of the median and the band."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tsfm_runner.domain.task import FloatArray

_FLAT_SHARE = 0.01
_CLOSE_PERCENT = 5.0
_TIGHT_SHARE = 0.1
_WIDE_SHARE = 0.5
_MIN_LEVELS = 2
_ROUNDING = 1e-9  # prices are told to 12 decimals
_TINY = float(np.finfo(float).eps)


def explanation_of(
    series_id: str,
    context: FloatArray,
    median: Sequence[float],
    columns: Sequence[Sequence[float]],
) -> dict[str, Any]:
    """Return the explanation of one forecast; ``columns`` are the levels asked for."""
    middle = np.array(median)
    widths = None
    if len(columns) >= _MIN_LEVELS:
        widths = np.array(columns[-1]) - np.array(columns[0])
    trend = _trend(middle)
    return {
        "id": series_id,
        "trend_direction": trend,
        "confidence_assessment": _assessment(widths, middle),
        "historical_comparison": _comparison(middle, context),
        "notable_patterns": _patterns(middle, widths, trend),
    }


def _trend(middle: FloatArray) -> str:
    change = middle[-1] - middle[0]
    if not abs(change) > _FLAT_SHARE * abs(middle[0]):
        return "flat"
    return "up" if change > 0 else "down"


def _assessment(widths: FloatArray | None, middle: FloatArray) -> str:
    if widths is None:
        return "quantile uncertainty unavailable"
    share = widths.mean() / max(middle.mean(), _TINY)
    if share <= _TIGHT_SHARE:
        return "high confidence (tight quantile spread)"
    if share <= _WIDE_SHARE:
        return "moderate confidence (medium quantile spread)"
    return "low confidence (wide quantile spread)"


def _comparison(middle: FloatArray, context: FloatArray) -> str:
    past = float(np.nanmean(context))
    percent = 100 * (middle.mean() - past) / max(past, _TINY)
    if abs(percent) < _CLOSE_PERCENT:
        return "forecast mean is close to historical mean"
    side = "above" if percent > 0 else "below"
    return f"forecast mean is {abs(percent):.1f}% {side} historical mean"


def _patterns(middle: FloatArray, widths: FloatArray | None, trend: str) -> list[str]:
    shapes = {
        "flat": "mean forecast is relatively flat",
        "up": "mean forecast shows an upward trajectory",
        "down": "mean forecast shows a downward trajectory",
    }
    patterns = [shapes[trend]]
    changes = np.diff(middle)
    if (changes >= 0).all():
        patterns.append("forecast is monotonic increasing")
    elif (changes <= 0).all():
        patterns.append("forecast is monotonic decreasing")
    if widths is not None and abs(widths[-1] - widths[0]) > _ROUNDING:
        verb = "widens" if widths[-1] > widths[0] else "narrows"
        patterns.append(f"uncertainty {verb} over the forecast horizon")
    return patterns
