"""Features of a model: how far prices moved at this time on the days before."""

from typing import Final

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.core.foundation.window import Window

DAY_MINUTES: Final = 1_440
LEAST_DAY_STEPS: Final = 12
"""A day of fewer steps has no hours to tell apart."""

_DAYS_BACK = 5
_WEEK_DAYS = 7
_STEPS_AHEAD = (1, 3, 6, 12)
_WEEK_STEPS_AHEAD = 12
_LEAST_MOVE = 0.02  # in scales, where the logarithm of a mean move levels off


def season_features(
    window: Window, *, step_minutes: FloatArray
) -> dict[str, FloatArray]:
    """Return how far prices moved in the next hours of the days before.

    News keeps hours: a market on shares sleeps at night, one on the weather wakes
    when the forecasts come. The moves are those after the same time of day, over
    as many steps as are ahead, on up to five days, and a week ago.

    Parameters
    ----------
    window : Window
    step_minutes : (n_markets,) array
        Positive. Only a step that divides the day into at least 12 parts has
        these features, of a context of at least a day; else they are 0.

    Returns
    -------
    dict of str to (n_markets,) array
        By the name of the feature; not yet bounded.

    """
    steps = DAY_MINUTES / step_minutes
    day = np.round(steps).astype(np.int64)
    is_whole = (np.abs(steps - day) < 1e-6) & (day >= LEAST_DAY_STEPS)  # noqa: PLR2004
    sums = np.zeros((window.lengths.size, CONTEXT_STEPS))
    np.cumsum(window.sizes, axis=1, out=sums[:, 1:])
    days = np.arange(1, _DAYS_BACK + 1)
    past = [_mean_moves(window, sums, is_whole, day, days, n) for n in _STEPS_AHEAD]
    week = np.array([_WEEK_DAYS])
    last_week = _mean_moves(window, sums, is_whole, day, week, _WEEK_STEPS_AHEAD)
    knows_day = is_whole & (day <= window.n_changes)
    return {
        **{
            f"log_day_move_{n_steps}": moves
            for n_steps, moves in zip(_STEPS_AHEAD, past, strict=True)
        },
        "log_week_move_12": last_week,
        "knows_day": knows_day.astype(np.float64),
    }


def _mean_moves(  # noqa: PLR0913, PLR0917 - what the sums are taken over
    window: Window,
    sums: FloatArray,
    is_whole: BoolArray,
    day: IntArray,
    days: IntArray,
    n_steps: int,
) -> FloatArray:
    """Return the logarithm of the mean move after this time of earlier days."""
    back = day[:, None] * days
    is_known = is_whole[:, None] & (back <= window.n_changes[:, None])
    first = np.where(is_known, CONTEXT_STEPS - 1 - back, 0)
    last = np.where(is_known, first + n_steps, 0)
    rows = np.arange(day.size)[:, None]
    moved = (sums[rows, last] - sums[rows, first]).sum(axis=1)
    n_days = is_known.sum(axis=1)
    mean = moved / (np.maximum(n_days, 1) * n_steps) / window.scale
    return np.where(n_days > 0, np.log(np.maximum(mean, 0) + _LEAST_MOVE) / 2, 0)
