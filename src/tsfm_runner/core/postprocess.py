"""Finish a band: inside [0, 1], in order of level, of a sane width."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.levels import normal_scores

_MEDIAN = 0.5
_ROUNDING = 1e-12
_DECIMALS = 12  # far below any tick; leaves no residue of the arithmetic


class FinishedBands(NamedTuple):
    """Bands that may be served, and what had to be done to them, by market."""

    values: FloatArray
    n_crossings: IntArray
    is_widened: BoolArray
    is_clamped: BoolArray


def rearrange(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return quantiles in order of level, and how many steps were out of order.

    Parameters
    ----------
    values : (n_markets, horizon, n_levels) array
        Level last, levels ascending.

    References
    ----------
    Chernozhukov, Fernandez-Val and Galichon (2010), Quantile and probability
    curves without crossing, Econometrica 78: the sorted quantiles are never
    further from the true ones than the crossing ones were.

    Examples
    --------
    >>> ordered, crossings = rearrange(np.array([[[0.3, 0.2], [0.1, 0.4]]]))
    >>> ordered.tolist(), crossings.tolist()
    ([[[0.2, 0.3], [0.1, 0.4]]], [1])

    """
    is_falling = values[..., 1:] < values[..., :-1]
    if not is_falling.any():
        return values, np.zeros(len(values), dtype=np.int64)
    return np.sort(values, axis=-1), is_falling.any(axis=-1).sum(axis=-1)


def limit_width(
    values: FloatArray,
    *,
    quantile_levels: Sequence[float],
    min_width: FloatArray,
    max_width: float,
) -> FloatArray:
    """Return bands whose outermost pair is neither too narrow nor too wide.

    Both limits are placed around the median, half on each side, and what finds
    no room at 0 or 1 goes to the other side. Every level is then kept at least
    its share of ``min_width`` (by normal score) and at most all of the room of
    ``max_width`` away from the median. The limits depend on the median alone, so
    a band that widens with the step still does.

    Parameters
    ----------
    values : (n_markets, horizon, n_levels) array
        In [0, 1], ascending in the last axis.
    quantile_levels : sequence of float
        Ascending, 0.5 among them. The outermost pair is the first and the last;
        a side with no level has no limit.
    min_width : (n_markets,) array
        Probability units; 0 for no limit.
    max_width : float
        Probability units, above every ``min_width``.

    Examples
    --------
    >>> limit_width(
    ...     np.array([[[0.3, 0.3, 0.3], [0.0, 0.3, 1.0]]]),
    ...     quantile_levels=[0.1, 0.5, 0.9],
    ...     min_width=np.array([0.02]),
    ...     max_width=0.9,
    ... ).round(6).tolist()
    [[[0.29, 0.3, 0.31], [0.0, 0.3, 0.9]]]

    """
    scores = normal_scores(quantile_levels)
    median = values[..., [int(np.flatnonzero(scores == 0)[0])]]
    offsets = values - median
    sign = np.sign(scores)
    furthest = np.where(scores < 0, scores[0], scores[-1])
    share = np.divide(scores, furthest, out=np.zeros_like(scores), where=scores != 0)
    least = _room(median, min_width[:, None, None], sign) * share
    most = _room(median, np.full(len(values), max_width)[:, None, None], sign)
    return np.asarray(median + sign * np.clip(sign * offsets, least, most))


def _room(median: FloatArray, width: FloatArray, sign: FloatArray) -> FloatArray:
    """Return how far ``width`` reaches below and above the median."""
    below = np.minimum(width / 2, median)
    above = np.minimum(width - below, 1 - median)
    below = np.minimum(width - above, median)
    return np.where(sign < 0, below, np.where(sign > 0, above, 0))


def is_jumpy(context: FloatArray, *, move: float, share: float) -> BoolArray:
    """Return which markets often move far in one step.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices, ends aligned; NaN before the shorter ones.
    move : float
        Probability units: what counts as far.
    share : float
        Least share of the known steps that must be far.

    Examples
    --------
    >>> context = np.array([[0.5, 0.6, 0.6], [0.5, 0.5, 0.5]])
    >>> is_jumpy(context, move=0.1, share=0.5).tolist()
    [True, False]

    """
    moves = np.abs(context[:, 1:] - context[:, :-1])
    is_far = moves >= move - 1e-9  # never where NaN
    if not is_far.any():
        return np.zeros(len(context), dtype=np.bool_)
    n_far, n_known = is_far.sum(axis=1), (~np.isnan(moves)).sum(axis=1)
    return np.asarray((n_far > 0) & (n_far >= share * n_known))


def finish_bands(
    values: FloatArray,
    *,
    quantile_levels: Sequence[float],
    min_width: FloatArray,
    max_width: float,
) -> FinishedBands:
    """Return bands in [0, 1], in order of level, within the limits of width.

    Parameters
    ----------
    values : (n_markets, horizon, n_levels) array
        Prices, finite, not necessarily in [0, 1] or in order.
    quantile_levels, min_width, max_width
        See ``limit_width``.

    """
    ordered, n_crossings = rearrange(np.minimum(np.maximum(values, 0), 1))
    if not min_width.any() and _furthest(ordered, quantile_levels) <= max_width / 2:
        untouched = np.zeros(len(values), dtype=np.bool_)
        rounded = ordered.round(_DECIMALS)
        return FinishedBands(rounded, n_crossings, untouched, untouched)
    limited = limit_width(
        ordered,
        quantile_levels=quantile_levels,
        min_width=min_width,
        max_width=max_width,
    )
    outward = (limited - ordered) * np.where(np.array(quantile_levels) < _MEDIAN, -1, 1)
    return FinishedBands(
        np.clip(limited, 0, 1).round(_DECIMALS),
        n_crossings,
        np.any(outward > _ROUNDING, axis=(1, 2)),
        np.any(outward < -_ROUNDING, axis=(1, 2)),
    )


def _furthest(ordered: FloatArray, quantile_levels: Sequence[float]) -> float:
    """Return how far the outermost level of any band is from its median."""
    median = ordered[..., quantile_levels.index(_MEDIAN)]
    below, above = median - ordered[..., 0], ordered[..., -1] - median
    return float(np.maximum(below, above).max())
