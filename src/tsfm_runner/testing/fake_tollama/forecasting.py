"""What the double's models answer: a repeated value, or an honest baseline band."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsfm_runner.config import BaselineConfig
from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.ewma import ewma_quantiles
from tsfm_runner.testing.fake_tollama.refusals import RefusalError, forecast_error
from tsfm_runner.testing.fake_tollama.schemas import ForecastBody, SeriesBody
from tsfm_runner.testing.fake_tollama.timegrid import (
    infer_step,
    read_alias,
    read_time,
    write_time,
)

_MIN_POINTS = 3
_MEDIAN = 0.5


def make_forecasts(
    body: ForecastBody, series: Sequence[SeriesBody]
) -> list[dict[str, Any]]:
    """Return one forecast a series, in order; ``series`` has every freq resolved."""
    keys = [format(level, "g") for level in body.quantiles]
    if any(float(key) in (0.0, 1.0) for key in keys):
        # Six digits are left of a level; one that rounds to 1 kills the runner.
        raise RefusalError(503, "runner exited with code None")
    if body.model == "mock":
        return [_repeated(item, body.horizon, keys) for item in series]
    _check_usable(series)
    starts = [_first_step(item) for item in series]
    contexts = _right_aligned([_without_holes(item) for item in series])
    values = _baseline_band(contexts, body.horizon, [*body.quantiles, _MEDIAN])
    return [
        _forecast(item, start, band, keys)
        for item, start, band in zip(series, starts, values, strict=True)
    ]


def _repeated(series: SeriesBody, horizon: int, keys: list[str]) -> dict[str, Any]:
    values = np.full((horizon, len(keys) + 1), float(series.target[-1]))
    return _forecast(series, series.timestamps[-1], values, keys)


def _forecast(
    series: SeriesBody, start: str, values: FloatArray, keys: list[str]
) -> dict[str, Any]:
    """Return one forecast; the last column of ``values`` is the mean."""
    columns = zip(keys, values.T[:-1].tolist(), strict=True)
    return {
        "id": series.id,
        "freq": series.freq,
        "start_timestamp": start,
        "mean": values[:, -1].tolist(),
        "quantiles": dict(columns) or None,
    }


def _baseline_band(
    contexts: FloatArray, horizon: int, levels: Sequence[float]
) -> FloatArray:
    settings = BaselineConfig()
    return ewma_quantiles(
        contexts,
        horizon=horizon,
        quantile_levels=levels,
        half_life_steps=settings.ewma_half_life_steps,
        floor=np.full(len(contexts), settings.floor_price),
        floor_share=settings.floor_share,
    )


def _check_usable(series: Sequence[SeriesBody]) -> None:
    """Refuse the whole request for one bad series, as the model runner does."""
    for name, occurrences in Counter(item.id for item in series).items():
        if occurrences > 1:
            raise forecast_error(f"Could not infer frequency for series {name}")
    for item in series:
        if len(item.target) < _MIN_POINTS:
            raise forecast_error(
                f"Every time series must have at least {_MIN_POINTS} data points, "
                f"found length={len(item.target)} for series {item.id}"
            )
    if len({item.freq for item in series}) > 1:
        raise forecast_error("All time series must have the same frequency")


def _first_step(series: SeriesBody) -> str:
    """Return the first step on a regular grid that starts at the first timestamp."""
    step = read_alias(series.freq)
    if step is None and (inferred := infer_step(series.timestamps)):
        step = inferred.step
    if step is None:
        raise forecast_error(f"Could not infer frequency for series {series.id}")
    try:
        start = read_time(series.timestamps[0])
    except ValueError as exc:
        raise forecast_error(f"{exc}, at position 0") from exc
    return write_time(start + step * len(series.timestamps))


def _without_holes(series: SeriesBody) -> FloatArray:
    """Return the target with each missing value replaced by the one before."""
    target = np.array(series.target, dtype=np.float64)
    is_known = np.isfinite(target)
    if not is_known.any():
        raise forecast_error(f"series {series.id} has no value that is known")
    latest = np.maximum.accumulate(np.where(is_known, np.arange(target.size), 0))
    return target[latest][is_known.argmax() :]


def _right_aligned(targets: Sequence[FloatArray]) -> FloatArray:
    contexts = np.full((len(targets), max(len(target) for target in targets)), np.nan)
    for row, target in zip(contexts, targets, strict=True):
        row[-len(target) :] = target
    return contexts
