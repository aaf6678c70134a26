"""The words that the daemon adds to every forecast."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.testing.fake_tollama.schemas import SeriesBody

_FLAT_SHARE = 0.01
_CLOSE_PERCENT = 5.0
_TIGHT_SHARE = 0.1
_WIDE_SHARE = 0.5
_MIN_LEVELS = 2


def explain(
    forecasts: Sequence[dict[str, Any]], series: Sequence[SeriesBody]
) -> dict[str, Any]:
    """Return the explanation of an answer, one part a series."""
    with np.errstate(all="ignore"):  # infinity in, NaN out: so does the daemon
        parts = [
            _explain_one(forecast, item)
            for forecast, item in zip(forecasts, series, strict=True)
        ]
    return {"series": parts}


def _explain_one(forecast: dict[str, Any], series: SeriesBody) -> dict[str, Any]:
    mean = np.array(forecast["mean"], dtype=np.float64)
    widths = _widths(forecast["quantiles"])
    trend = _trend(mean)
    return {
        "id": series.id,
        "trend_direction": trend,
        "confidence_assessment": _confidence(widths, mean),
        "historical_comparison": _comparison(mean, np.array(series.target, float)),
        "notable_patterns": _patterns(mean, widths, trend),
    }


def _widths(quantiles: dict[str, list[float]] | None) -> FloatArray | None:
    """Return the distance of the outermost levels at each step, if there are two."""
    if quantiles is None or len(quantiles) < _MIN_LEVELS:
        return None
    ordered = sorted(quantiles, key=float)
    low = np.array(quantiles[ordered[0]], dtype=np.float64)
    high = np.array(quantiles[ordered[-1]], dtype=np.float64)
    return np.asarray(np.abs(high - low))


def _trend(mean: FloatArray) -> str:
    change = mean[-1] - mean[0]
    if not abs(change) > _FLAT_SHARE * abs(mean[0]):
        return "flat"
    return "up" if change > 0 else "down"


def _confidence(widths: FloatArray | None, mean: FloatArray) -> str:
    if widths is None:
        return "quantile uncertainty unavailable"
    share = widths.mean() / max(abs(mean.mean()), np.finfo(float).eps)
    if share <= _TIGHT_SHARE:
        return "high confidence (tight quantile spread)"
    if share <= _WIDE_SHARE:
        return "moderate confidence (medium quantile spread)"
    return "low confidence (wide quantile spread)"


def _comparison(mean: FloatArray, target: FloatArray) -> str:
    past = target.mean()
    if past == 0:
        return "forecast mean is close to historical mean"
    percent = 100 * (mean.mean() - past) / abs(past)
    if abs(percent) < _CLOSE_PERCENT:
        return "forecast mean is close to historical mean"
    side = "above" if percent > 0 else "below"
    return f"forecast mean is {abs(percent):.1f}% {side} historical mean"


def _patterns(mean: FloatArray, widths: FloatArray | None, trend: str) -> list[str]:
    shapes = {
        "flat": "mean forecast is relatively flat",
        "up": "mean forecast shows an upward trajectory",
        "down": "mean forecast shows a downward trajectory",
    }
    patterns = [shapes[trend]]
    changes = np.diff(mean)
    if (changes >= 0).all():
        patterns.append("forecast is monotonic increasing")
    elif (changes <= 0).all():
        patterns.append("forecast is monotonic decreasing")
    if widths is not None and widths[-1] != widths[0]:
        verb = "widens" if widths[-1] > widths[0] else "narrows"
        patterns.append(f"uncertainty {verb} over the forecast horizon")
    return patterns
