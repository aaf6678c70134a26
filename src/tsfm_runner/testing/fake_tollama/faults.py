"""How a good answer is spoiled."""

import math
from collections.abc import Callable
from typing import Any

from tsfm_runner.testing.fake_tollama.options import Fault
from tsfm_runner.testing.fake_tollama.refusals import RefusalError, forecast_error

_OUT_OF_RANGE = 1.7

Forecast = dict[str, Any]


def refusal_of(fault: Fault | None) -> RefusalError | None:
    """Return the error that a fault is answered with; None for other faults."""
    if fault is Fault.UNAVAILABLE:
        return RefusalError(503, "runner exited with code 7")
    if fault is Fault.FORECAST_ERROR:
        return forecast_error("runner says FORECAST_ERROR")
    if fault is Fault.RATE_LIMITED:
        return RefusalError(429, "rate limit exceeded")
    if fault is Fault.INTERNAL:
        return RefusalError(500, "Internal Server Error")
    return None


def spoil(forecasts: list[Forecast], fault: Fault | None) -> list[Forecast]:
    """Return the forecasts as a runner with this fault would have sent them."""
    if fault is Fault.REORDER:
        return forecasts[::-1]
    if fault is Fault.THIN:
        return forecasts[:-1]
    spoiler = _SPOILERS.get(fault) if fault else None
    if spoiler is None:
        return forecasts
    return [spoiler(forecasts[0]), *forecasts[1:]]


def _with_columns(
    forecast: Forecast, change: Callable[[list[float]], list[float]]
) -> Forecast:
    quantiles = forecast["quantiles"] or {}
    return {
        **forecast,
        "mean": change(forecast["mean"]),
        "quantiles": {key: change(column) for key, column in quantiles.items()} or None,
    }


def _cross(forecast: Forecast) -> Forecast:
    quantiles = forecast["quantiles"] or {}
    columns = reversed(list(quantiles.values()))
    crossed = dict(zip(quantiles, columns, strict=True))
    return {**forecast, "quantiles": crossed or None}


def _without_lowest(forecast: Forecast) -> Forecast:
    quantiles = forecast["quantiles"] or {}
    lowest = min(quantiles, key=float, default=None)
    kept = {key: column for key, column in quantiles.items() if key != lowest}
    return {**forecast, "quantiles": kept or None}


_SPOILERS: dict[Fault, Callable[[Forecast], Forecast]] = {
    Fault.NAN: lambda item: _with_columns(
        item, lambda column: [math.nan] * len(column)
    ),
    Fault.SHORT: lambda item: _with_columns(item, lambda column: column[:-1]),
    Fault.OUT_OF_RANGE: lambda item: _with_columns(
        item, lambda column: [_OUT_OF_RANGE] * len(column)
    ),
    Fault.CROSSING: _cross,
    Fault.MISSING_QUANTILE: _without_lowest,
}
