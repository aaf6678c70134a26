"""From a task as it was asked to a context without holes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import PreparationConfig
from tsfm_runner.core.arrays import IntArray
from tsfm_runner.core.resampling import (
    bin_by_step,
    detect_tick,
    latest_run,
    steps_before,
)
from tsfm_runner.domain.task import FloatArray, ForecastTask

_SECONDS_PER_MINUTE = 60
_MEDIAN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PreparedTask:
    """A task with what was made of its series.

    ``context`` is finite, one value a step, oldest first, in price units; its last
    ``n_filled`` values repeat the last price that is known, which stood
    ``n_stale`` steps before the cutoff. ``missing_ratio`` is the share of the
    steps looked at that have no value.
    """

    task: ForecastTask
    context: FloatArray
    past_covariates: Mapping[str, FloatArray]
    tick: float | None
    missing_ratio: float
    n_filled: int
    n_stale: int
    has_long_gap: bool

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels to compute: those asked for, and always the median."""
        return tuple(sorted({*self.task.quantile_levels, _MEDIAN}))

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


def prepare(task: ForecastTask, config: PreparationConfig) -> PreparedTask:
    """Return the task with its context: on the grid, filled, after any long gap."""
    max_gap = _max_gap_steps(task, config)
    n_stale = _stale_steps(task)
    n_filled = n_stale if n_stale <= max_gap else 0
    look = _regular if task.times_s is None else _irregular
    window = look(task, n_stale, n_filled, max_steps=config.context_length)
    is_known = window.prices >= 0
    run = latest_run(is_known, max_gap_steps=max_gap)
    context = task.context[window.prices[run.source]]
    rows = window.covariates[run.start :]
    tick = task.facts.tick_size
    return PreparedTask(
        task=task,
        context=context,
        past_covariates={n: c[rows] for n, c in task.past_covariates.items()},
        tick=detect_tick(context) if tick is None else tick,
        missing_ratio=float(1 - is_known.mean()),
        n_filled=n_filled,
        n_stale=n_stale,
        has_long_gap=n_stale > max_gap or bool(is_known[: run.start].any()),
    )


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
