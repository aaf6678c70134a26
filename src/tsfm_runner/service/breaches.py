"""Hold new prices against the bands that were forecast for them before."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import FloatArray, ForecastTask

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PastBand:
    """The outermost levels of an earlier answer; both have shape ``(horizon,)``."""

    cutoff_s: float
    step_s: int
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, slots=True)
class Breaches:
    """How many new prices could be held against a band, and who left theirs."""

    n_compared: int = 0
    market_ids: tuple[str, ...] = ()


def past_bands(served: Iterable[ServedForecast]) -> dict[str, PastBand]:
    """Keep the outermost levels of each answer, by market; a lone level is no band."""
    return {
        answer.task.market_id: PastBand(
            cutoff_s=answer.task.cutoff.timestamp(),
            step_s=answer.task.freq.step_s,
            lower=answer.values[:, 0],
            upper=answer.values[:, -1],
        )
        for answer in served
        if len(answer.task.quantile_levels) > 1
    }


def find_breaches(
    tasks: Iterable[ForecastTask], before: Mapping[str, PastBand]
) -> Breaches:
    """Return which tasks end at a price outside the band of its step.

    A price between two steps is held against the later one. One that the band
    was made from, or that lies beyond its horizon, is not compared.
    """
    verdicts = {
        task.market_id: _is_outside(task, before[task.market_id])
        for task in tasks
        if task.market_id in before
    }
    return Breaches(
        sum(verdict is not None for verdict in verdicts.values()),
        tuple(name for name, verdict in verdicts.items() if verdict),
    )


def _is_outside(task: ForecastTask, band: PastBand) -> bool | None:
    """Return whether the last price left the band; None where it cannot be said."""
    time_s, price = _last_price(task)
    step = math.ceil((time_s - band.cutoff_s) / band.step_s - _TOLERANCE)
    if not 1 <= step <= band.lower.size:
        return None
    low, high = band.lower[step - 1], band.upper[step - 1]
    return not low - _TOLERANCE <= price <= high + _TOLERANCE


def _last_price(task: ForecastTask) -> tuple[float, float]:
    """Return the time and the value of the last price that is known."""
    last = int(np.flatnonzero(~np.isnan(task.context))[-1])
    if task.times_s is not None:
        return float(task.times_s[last]), float(task.context[last])
    n_missing = task.context.size - 1 - last
    cutoff_s = task.cutoff.timestamp()
    return cutoff_s - n_missing * task.freq.step_s, float(task.context[last])
