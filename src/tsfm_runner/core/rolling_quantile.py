"""Rolling-quantile baseline: the changes that the market really made."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.levels import normal_scores

_MIDDLE = 0.5
_EXACT = 1e-9  # a rank that is whole but for rounding is whole


def rolling_quantiles(
    context: FloatArray,
    *,
    horizon: int,
    quantile_levels: Sequence[float],
    min_changes: int,
    floor: FloatArray,
) -> FloatArray:
    """Return empirical quantiles of past h-step changes around the last value.

    Quantiles are order statistics, rounded outward, with levels below 0.5 kept
    at or below the last value and levels above it at or above. Steps with fewer
    than ``min_changes`` changes take the longest step that has enough, scaled
    with the square root of time. No step is narrower than the one before.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Ends aligned; NaN before the shorter ones, finite from there on.
    horizon : int
        Number of steps.
    quantile_levels : sequence of float
        Ascending, in (0, 1).
    min_changes : int
        At least 1.
    floor : (n_markets,) array
        Least scale of one step, positive, in units of ``context``: level l of
        step h is at least ``floor * sqrt(h) * |normal score of l|`` away.

    Returns
    -------
    (n_markets, horizon, n_levels) array
        In units of ``context``; 0.5 is the last value itself.

    Examples
    --------
    >>> rolling_quantiles(
    ...     np.array([[0.0, 1.0, 3.0, 2.0]]),
    ...     horizon=1,
    ...     quantile_levels=[0.1, 0.5, 0.9],
    ...     min_changes=1,
    ...     floor=np.array([1e-9]),
    ... ).round(6).tolist()
    [[[1.0, 2.0, 4.0]]]

    """
    levels = np.asarray(quantile_levels)
    offsets = _offsets(context, horizon=horizon, levels=levels, min_changes=min_changes)
    steps = np.sqrt(np.arange(1, horizon + 1))
    least = (
        floor[:, None, None] * steps[:, None] * np.abs(normal_scores(quantile_levels))
    )
    below = np.minimum.accumulate(np.minimum(offsets, -least), axis=1)
    above = np.maximum.accumulate(np.maximum(offsets, least), axis=1)
    widened = np.where(levels < _MIDDLE, below, above)
    widened = np.where(levels == _MIDDLE, 0, widened)
    return context[:, -1, None, None] + widened


def _offsets(
    context: FloatArray, *, horizon: int, levels: FloatArray, min_changes: int
) -> FloatArray:
    n_known = (~np.isnan(context)).sum(axis=1)
    base = np.zeros((len(context), len(levels)))
    base_step = np.ones(len(context))
    offsets = np.empty((len(context), horizon, len(levels)))
    for step in range(1, horizon + 1):
        enough = n_known - step >= (1 if step == 1 else min_changes)
        if enough.any():
            changes = context[enough, step:] - context[enough, :-step]
            base[enough] = _order_statistics(changes, levels)
            base_step[enough] = step
        offsets[:, step - 1] = base * np.sqrt(step / base_step)[:, None]
    return offsets


def _order_statistics(changes: FloatArray, levels: FloatArray) -> FloatArray:
    """Return sample quantiles by row, rounded away from the median."""
    ordered = np.sort(changes, axis=1)  # NaN goes last
    last = (~np.isnan(ordered)).sum(axis=1, keepdims=True) - 1
    exact = last * levels
    lower, upper = np.floor(exact + _EXACT), np.ceil(exact - _EXACT)
    rank = np.where(levels < _MIDDLE, lower, upper).astype(int)
    return np.take_along_axis(ordered, rank, axis=1)
