"""From a task as it was asked to a context without holes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import PreparationConfig
from tsfm_runner.core.arrays import IntArray
from tsfm_runner.core.resampling import (
    bin_by_step,
    detect_ticks,
    latest_run,
    stack_contexts,
    steps_before,
)
from tsfm_runner.domain.task import BoolArray, FloatArray, ForecastTask

_SECONDS_PER_MINUTE = 60
_CALIBRATED_BY = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedTask:
    """A task with what was made of its series.

    ``levels`` are those to compute: those asked for, and always 0.1, 0.5 and 0.9,
    by which a band is calibrated.
    ``context`` is finite, one value a step, oldest first, in price units;
    ``is_observed`` tells which of them are prices of their own step, None: all. Its
    last ``n_filled`` values repeat the last price that is known, which stood
    ``n_stale`` steps before the cutoff. ``missing_ratio`` is the share of the
    steps looked at that have no value.
    """

    task: ForecastTask
    levels: tuple[float, ...]
    context: FloatArray
    is_observed: BoolArray | None
    past_covariates: Mapping[str, FloatArray]
    tick: float | None
    missing_ratio: float
    n_filled: int
    n_stale: int
    has_long_gap: bool

    @property
    def fresh_context(self) -> FloatArray:
        """The context up to the last price that is known."""
        return self.context[: self.context.size - self.n_filled]


class _Window(NamedTuple):
    """The steps looked at: the point that each price and each covariate comes from.

    A price comes from -1 where the step has none.
    """

    prices: IntArray
    covariates: IntArray


class _Found(NamedTuple):
    """What was made of the series of a task; see `PreparedTask`."""

    context: FloatArray
    is_observed: BoolArray | None
    past_covariates: Mapping[str, FloatArray]
    missing_ratio: float
    n_filled: int
    n_stale: int
    has_long_gap: bool


def prepare_many(
    tasks: Sequence[ForecastTask], config: PreparationConfig
) -> list[PreparedTask]:
    """Return each task with its context: on the grid, filled, after any long gap."""
    found = [_found(task, config) for task in tasks]
    ticks = _ticks(tasks, found)
    return [
        PreparedTask(
            task,
            _levels(task),
            one.context,
            one.is_observed,
            one.past_covariates,
            tick,
            one.missing_ratio,
            one.n_filled,
            one.n_stale,
            one.has_long_gap,
        )
        for task, one, tick in zip(tasks, found, ticks, strict=True)
    ]


def _ticks(
    tasks: Sequence[ForecastTask], found: Sequence[_Found]
) -> list[float | None]:
    """Return the tick that each caller told, else the one that the prices show."""
    ticks = [task.facts.tick_size for task in tasks]
    unknown = [place for place, tick in enumerate(ticks) if tick is None]
    if unknown:
        contexts = stack_contexts([found[place].context for place in unknown])
        for place, tick in zip(unknown, detect_ticks(contexts).tolist(), strict=True):
            ticks[place] = None if math.isnan(tick) else tick
    return ticks


def _found(task: ForecastTask, config: PreparationConfig) -> _Found:
    if task.times_s is None and task.is_complete:
        # Most series have a price at every step: there is nothing to look for.
        recent = slice(-config.context_length, None)
        columns = _cut(task.past_covariates, recent)
        context = task.context[recent]
        return _Found(context, None, columns, 0.0, 0, 0, has_long_gap=False)
    max_gap = _max_gap_steps(task, config)
    n_stale = _stale_steps(task)
    n_filled = n_stale if n_stale <= max_gap else 0
    look = _regular if task.times_s is None else _irregular
    window = look(task, n_stale, n_filled, max_steps=config.context_length)
    is_known = window.prices >= 0
    run = latest_run(is_known, max_gap_steps=max_gap)
    is_observed = is_known[run.start :]
    return _Found(
        context=task.context[window.prices[run.source]],
        is_observed=None if is_observed.all() else is_observed,
        past_covariates=_cut(task.past_covariates, window.covariates[run.start :]),
        missing_ratio=float(1 - is_known.mean()),
        n_filled=n_filled,
        n_stale=n_stale,
        has_long_gap=n_stale > max_gap or bool(is_known[: run.start].any()),
    )


def _cut(
    columns: Mapping[str, FloatArray], rows: slice | IntArray
) -> Mapping[str, FloatArray]:
    return {name: column[rows] for name, column in columns.items()} if columns else {}


def _levels(task: ForecastTask) -> tuple[float, ...]:
    levels = task.quantile_levels
    if levels == _CALIBRATED_BY:
        return levels
    return tuple(sorted({*levels, *_CALIBRATED_BY}))


def _max_gap_steps(task: ForecastTask, config: PreparationConfig) -> int:
    asked = task.facts.max_gap_minutes
    minutes = config.max_gap_minutes if asked is None else asked
    steps = int(minutes * _SECONDS_PER_MINUTE // task.freq.step_s)
    # A gap as long as the context would leave nothing in it to fill from.
    return min(max(1, steps), config.context_length - 1)


def _stale_steps(task: ForecastTask) -> int:
    """Return how many steps before the cutoff the last known price stands."""
    last = int(np.flatnonzero(~np.isnan(task.context))[-1])
    if task.times_s is None:
        return task.context.size - 1 - last
    cutoff_s, step_s = task.cutoff.timestamp(), task.freq.step_s
    ages = steps_before(cutoff_s, task.times_s[last : last + 1], step_s=step_s)
    return int(ages[0])


def _regular(
    task: ForecastTask, n_stale: int, n_filled: int, *, max_steps: int
) -> _Window:
    stop = task.context.size - n_stale + n_filled
    steps = np.arange(max(0, stop - max_steps), stop)
    return _Window(np.where(np.isnan(task.context[steps]), -1, steps), steps)


def _irregular(
    task: ForecastTask, n_stale: int, n_filled: int, *, max_steps: int
) -> _Window:
    """Put the points on the grid; without a filled end it stops at the last price."""
    times_s = task.times_s if task.times_s is not None else np.empty(0)
    known = np.flatnonzero(~np.isnan(task.context))
    step_s = task.freq.step_s
    end_s = task.cutoff.timestamp() - (n_stale - n_filled) * step_s
    stop = times_s.size if n_filled else int(known[-1]) + 1

    def binned(times_s: FloatArray) -> IntArray:
        return bin_by_step(times_s, cutoff_s=end_s, step_s=step_s, max_steps=max_steps)

    of_any, of_known = binned(times_s[:stop]), binned(times_s[known])
    prices = np.full(of_any.size, -1)
    ending = slice(of_any.size - of_known.size, None)
    prices[ending] = np.where(of_known >= 0, known[of_known], -1)
    return _Window(prices, np.maximum.accumulate(of_any))
