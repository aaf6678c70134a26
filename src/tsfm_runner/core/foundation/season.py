"""Features of a model: how far prices moved at this time on the days before."""

from typing import Final

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray
from tsfm_runner.core.foundation.averaging import log_moves
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.core.foundation.window import Window

DAY_MINUTES: Final = 1_440
LEAST_DAY_STEPS: Final = 12
"""A day of fewer steps has no hours to tell apart."""

_WHOLE = 1e-6  # of a step, within which a day is a whole number of steps
_N_DAYS = 5
_DAYS_BACK = (*range(1, _N_DAYS + 1), 7)  # the last one a week ago
_STEPS_AHEAD = (1, 3, 6, 12)
_LAST_OF_AHEAD = tuple(n_steps - 1 for n_steps in _STEPS_AHEAD)
_NAMES = (*(f"log_day_move_{n_steps}" for n_steps in _STEPS_AHEAD), "log_week_move_12")


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
        these features, of a context that reaches back a whole day; else they
        are 0.

    Returns
    -------
    dict of str to (n_markets,) array
        By the name of the feature; not yet bounded.

    """
    steps = DAY_MINUTES / step_minutes
    day = np.rint(steps)
    knows_day = (day <= window.n_changes) & (day >= LEAST_DAY_STEPS)
    knows_day &= np.abs(steps - day) < _WHOLE
    values = np.zeros((len(_NAMES), day.size))
    rows = np.flatnonzero(knows_day)
    if rows.size:
        values[:, rows] = _log_mean_moves(window, rows, day[rows].astype(np.int64))
    features = dict(zip(_NAMES, values, strict=True))
    return {**features, "knows_day": knows_day.astype(np.float64)}


def _log_mean_moves(window: Window, rows: IntArray, day: IntArray) -> FloatArray:
    """Return the logarithms of mean moves at this time of the days before."""
    back = day[:, None] * _DAYS_BACK
    is_known = back <= window.n_changes[rows, None]
    ahead = np.arange(_STEPS_AHEAD[-1])
    first = np.where(is_known, CONTEXT_STEPS - 1 - back, 0)
    moves = window.sizes[rows[:, None, None], first[:, :, None] + ahead]
    moves *= is_known[:, :, None]
    n_days = np.count_nonzero(is_known[:, :_N_DAYS], axis=1)
    days = np.cumsum(moves[:, :_N_DAYS].sum(axis=1), axis=1)[:, _LAST_OF_AHEAD]
    week = np.cumsum(moves[:, -1], axis=1)[:, -1:]
    means = np.hstack((days / (n_days[:, None] * _STEPS_AHEAD), week / ahead.size))
    values = log_moves(means, window.scale[rows, None])
    values[:, -1] *= is_known[:, -1]
    return values.T
