"""From a task as it was asked to a context without holes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tsfm_runner.config import PreparationConfig
from tsfm_runner.core.arrays import IntArray
from tsfm_runner.core.resampling import Run, bin_by_step, detect_tick, latest_run
from tsfm_runner.domain.task import FloatArray, ForecastTask
from tsfm_runner.errors import InvalidTaskError

_SECONDS_PER_MINUTE = 60
_MEDIAN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PreparedTask:
    """A task with what was made of its series.

    ``context`` is finite, one value a step, oldest first, in price units.
    ``missing_ratio`` is the share of the steps looked at that had no value.
    """

    task: ForecastTask
    context: FloatArray
    past_covariates: Mapping[str, FloatArray]
    tick: float | None
    missing_ratio: float
    has_long_gap: bool

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels to compute: those asked for, and always the median."""
        return tuple(sorted({*self.task.quantile_levels, _MEDIAN}))


def prepare(task: ForecastTask, config: PreparationConfig) -> PreparedTask:
    """Return the task with its context: on the grid, filled, after any long gap.

    Raises ``InvalidTaskError`` when no value is recent enough to be used.
    """
    positions = _grid(task, config)
    is_known = positions >= 0
    is_known[is_known] = ~np.isnan(task.context[positions[is_known]])
    if not is_known.any():
        rule = f"must have a value within the last {config.context_length} steps"
        raise InvalidTaskError("context", rule)
    run = latest_run(is_known, max_gap_steps=_max_gap_steps(task, config))
    return _prepared(task, positions, run, missing_ratio=float(1 - is_known.mean()))


def _prepared(
    task: ForecastTask, positions: IntArray, run: Run, *, missing_ratio: float
) -> PreparedTask:
    source = positions[run.source]
    context = task.context[source]
    tick = task.facts.tick_size
    return PreparedTask(
        task=task,
        context=context,
        past_covariates={n: c[source] for n, c in task.past_covariates.items()},
        tick=detect_tick(context) if tick is None else tick,
        missing_ratio=missing_ratio,
        has_long_gap=run.has_long_gap,
    )


def _grid(task: ForecastTask, config: PreparationConfig) -> IntArray:
    """Return the position of each step's point in the task's context, or -1."""
    if task.times_s is None:
        size = task.context.size
        return np.arange(max(0, size - config.context_length), size)
    is_known = np.flatnonzero(~np.isnan(task.context))
    binned = bin_by_step(
        task.times_s[is_known],
        cutoff_s=task.cutoff.timestamp(),
        step_s=task.freq.step_s,
        max_steps=config.context_length,
    )
    return np.where(binned >= 0, is_known[binned], -1)


def _max_gap_steps(task: ForecastTask, config: PreparationConfig) -> int:
    asked = task.facts.max_gap_minutes
    minutes = config.max_gap_minutes if asked is None else asked
    return max(1, int(minutes * _SECONDS_PER_MINUTE // task.freq.step_s))
