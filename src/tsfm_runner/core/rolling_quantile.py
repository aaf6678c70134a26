"""Rolling-quantile baseline: the changes that the market really made."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray
from tsfm_runner.core.levels import normal_scores
from tsfm_runner.core.sliding_order import RankArray, sliding_order_statistics

_MIDDLE = 0.5
_EXACT = 1e-9  # a rank that is whole but for rounding is whole
_MAX_WINDOWS = 512  # that are sorted together; more take longer each


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

    Contexts that are all windows of one series, as ``sliding_window_view`` makes
    them, are sorted together: the same values in a tenth of the time.

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
    n_known = _counts(context)
    longest = np.clip(n_known - min_changes, 1, horizon)
    find = _quantiles_of_windows if _are_windows(context) else _quantiles
    found = find(context, n_known, horizon=int(longest.max()), levels=levels)
    offsets = _scaled(found, longest, horizon=horizon)
    offsets[..., n_known <= 1] = 0
    least = floor * np.sqrt(np.arange(1, horizon + 1))[:, None]
    least = least[:, None] * np.abs(normal_scores(quantile_levels))[:, None]
    _widen(offsets, least, levels)
    return np.ascontiguousarray((offsets + context[:, -1]).transpose(2, 0, 1))


def _are_windows(context: FloatArray) -> bool:
    """Return whether each row is the one before it, one point on, in one memory."""
    along, across = context.strides
    return along == across and len(context) > 1


def _counts(context: FloatArray) -> IntArray:
    """Return how many points of each row are known."""
    if not _are_windows(context):
        return np.asarray((~np.isnan(context)).sum(axis=1))
    first = int((~np.isnan(context[0])).sum())
    return np.minimum(np.arange(first, first + len(context)), context.shape[1])


def _quantiles(
    context: FloatArray, n_known: IntArray, *, horizon: int, levels: FloatArray
) -> FloatArray:
    """Return quantiles of changes, of shape (horizon, n_levels, n_markets).

    Those of a step without changes mean nothing.
    """
    found = np.zeros((horizon, levels.size, len(context)))
    for step in range(1, min(horizon, context.shape[1] - 1) + 1):
        ordered = np.sort(context[:, step:] - context[:, :-step], axis=1)  # NaN last
        ranks = _ranks(n_known - step, levels)
        found[step - 1] = np.take_along_axis(ordered, ranks.T, axis=1).T
    return found


def _quantiles_of_windows(
    context: FloatArray, n_known: IntArray, *, horizon: int, levels: FloatArray
) -> FloatArray:
    """Return what ``_quantiles`` does, of windows that share most of their points."""
    found = np.empty((horizon, levels.size, len(context)))
    steps = np.arange(1, horizon + 1)[:, None]
    lengths = np.maximum(context.shape[1] - steps.ravel(), 1).tolist()
    ranks = _ranks(np.arange(context.shape[1]), levels)
    for start in range(0, len(context), _MAX_WINDOWS):
        part = slice(start, start + _MAX_WINDOWS)
        windows, counts = context[part], n_known[part]
        series = np.append(windows[0, -counts[0] :], windows[1:, -1])
        found[..., part] = sliding_order_statistics(
            _changes(series, horizon=horizon),
            lengths=lengths,
            ranks=ranks.take(np.maximum(counts - steps, 0), axis=1).swapaxes(0, 1),
        )
    return found


def _changes(series: FloatArray, *, horizon: int) -> FloatArray:
    """Return changes up to each point, of shape (horizon, n_points); NaN at first."""
    changes = np.full((horizon, series.size), np.nan)
    for step, row in enumerate(changes, start=1):
        row[step:] = series[step:] - series[:-step]
    return changes


def _ranks(n_changes: IntArray, levels: FloatArray) -> RankArray:
    """Return ranks from 0, rounded away from the median: (n_levels, n_counts)."""
    exact = np.maximum(n_changes - 1, 0) * levels[:, None]
    lower, upper = np.floor(exact + _EXACT), np.ceil(exact - _EXACT)
    return np.where(levels[:, None] < _MIDDLE, lower, upper).astype(np.int32)


def _scaled(found: FloatArray, longest: IntArray, *, horizon: int) -> FloatArray:
    """Return the quantiles of each step, beyond the longest those of it, scaled."""
    offsets = np.empty((horizon, *found.shape[1:]))
    offsets[: len(found)] = found
    few = np.flatnonzero(longest < horizon)
    steps = np.arange(1, horizon + 1)[:, None]
    taken = np.minimum(steps, longest[few])
    scaled = np.take_along_axis(found[..., few], taken[:, None] - 1, axis=0)
    offsets[..., few] = scaled * np.sqrt(steps / taken)[:, None]
    return offsets


def _widen(offsets: FloatArray, least: FloatArray, levels: FloatArray) -> None:
    """Move offsets out to the least of their step, and to those of the step before."""
    below = offsets[:, : np.count_nonzero(levels < _MIDDLE)]
    above = offsets[:, np.count_nonzero(levels <= _MIDDLE) :]
    offsets[:, levels == _MIDDLE] = 0
    np.minimum(below, -least[:, : below.shape[1]], out=below)
    np.maximum(above, least[:, levels.size - above.shape[1] :], out=above)
    for step in range(1, len(offsets)):
        np.minimum(below[step], below[step - 1], out=below[step])
        np.maximum(above[step], above[step - 1], out=above[step])
