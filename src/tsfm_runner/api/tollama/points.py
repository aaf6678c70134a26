"""The points of a series: when each stands, and which probability it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tsfm_runner.api.problems import ProblemError
from tsfm_runner.api.tollama.errors import bad_request, forecast_error
from tsfm_runner.api.tollama.schemas import TollamaSeries
from tsfm_runner.api.tollama.timegrid import AUTO, Step, read_times, step_of
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import MAX_POINTS, MIN_POINTS, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A series that something can be forecast from.

    Attributes
    ----------
    times_s : (n_points,) array
        Epoch seconds, strictly ascending.
    prices : (n_points,) array
        In [0, 1]; NaN where missing, at least one known.
    alias : str
        The step as the answer names it.

    """

    times_s: FloatArray
    prices: FloatArray
    freq: Frequency
    alias: str
    warnings: tuple[str, ...]


def read_points(series: TollamaSeries) -> Points:
    """Return the points of a series, the newest of them where there are very many.

    Raises ``ProblemError`` for a series that nothing can be forecast from, and
    ``InvalidTaskError`` for a step that nobody forecasts at.
    """
    times_s, step = _on_grid(series)
    if len(series.target) < MIN_POINTS:
        raise _unusable(
            f"Every time series must have at least {MIN_POINTS} data points, "
            f"found length={len(series.target)} for series {series.id}"
        )
    prices = _probabilities(series)
    warnings = list(_of_step(series, step))
    if not (np.diff(times_s) > 0).all():
        order = np.argsort(times_s, kind="stable")
        times_s, prices = times_s[order], prices[order]
        if not (np.diff(times_s) > 0).all():
            raise _unusable(f"Series {series.id} has two points at one time")
        warnings.append(f"series {series.id!r}: its points were put in order of time")
    newest = slice(-MAX_POINTS, None)
    return Points(
        times_s[newest], prices[newest], step.freq, step.alias, tuple(warnings)
    )


def _on_grid(series: TollamaSeries) -> tuple[FloatArray, Step]:
    """Return the times as they were sent, and the step of the series."""
    try:
        times_s = read_times(series.timestamps)
    except (OverflowError, ValueError) as failure:
        if series.freq == AUTO:
            raise _without_step(series) from failure
        raise _unusable(f"{failure}, in series {series.id}") from failure
    step = step_of(series.freq, times_s)
    if step is not None:
        return times_s, step
    if series.freq == AUTO:
        raise _without_step(series)
    raise _unusable(f"Could not infer frequency for series {series.id}")


def _probabilities(series: TollamaSeries) -> FloatArray:
    try:
        prices = np.array(series.target, dtype=np.float64)
    except OverflowError:  # of an integer that no float can hold
        prices = np.full(len(series.target), np.inf)
    is_known = ~np.isnan(prices)
    if not is_known.any():
        raise _unusable(f"Series {series.id} has no value that is known")
    is_outside = is_known & ~((prices >= 0) & (prices <= 1))
    if is_outside.any():
        place = int(is_outside.argmax())
        detail = (
            f"series {series.id!r}: target must lie in [0, 1], because only "
            f"probabilities are forecast here; target[{place}] is {prices[place]:g}"
        )
        raise ProblemError(bad_request(detail))
    return prices


def _without_step(series: TollamaSeries) -> ProblemError:
    detail = (
        f"series {series.id!r}: freq='auto' but could not infer frequency from "
        f"{len(series.timestamps)} timestamps. Provide an explicit freq value."
    )
    return ProblemError(bad_request(detail))


def _of_step(series: TollamaSeries, step: Step) -> Iterator[str]:
    """Yield what the caller should know of a step that nobody named."""
    how = (
        f"series {series.id!r}: freq={series.freq!r} was resolved from the dominant "
        f"timestamp interval"
    )
    if step.is_named:
        return
    if series.freq != AUTO:
        yield f"{how} of {step.freq.text}, because it names no step known here"
    if step.regularity < 1:
        yield (
            f"{how} (regularity={step.regularity:.2f}); "
            "provide explicit freq to override"
        )


def _unusable(message: str) -> ProblemError:
    return ProblemError(forecast_error(message))
