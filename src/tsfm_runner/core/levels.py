"""Quantile levels: normal scores, and values at levels that nobody computed."""

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from tsfm_runner.core.arrays import FloatArray

_STANDARD_NORMAL = NormalDist()
_LEVELS_REMEMBERED = 256


def normal_scores(quantile_levels: Sequence[float]) -> FloatArray:
    """Return the standard normal quantile of each level; 0.5 gives exactly 0.

    Examples
    --------
    >>> normal_scores([0.1, 0.5]).round(4).tolist()
    [-1.2816, 0.0]

    """
    return _normal_scores(tuple(quantile_levels))


@lru_cache(maxsize=_LEVELS_REMEMBERED)
def _normal_scores(quantile_levels: tuple[float, ...]) -> FloatArray:
    """Return the scores as an array that nobody can change: many share it."""
    scores = np.array([_STANDARD_NORMAL.inv_cdf(level) for level in quantile_levels])
    scores.setflags(write=False)
    return scores


def values_at_levels(
    values: FloatArray, *, known: Sequence[float], wanted: Sequence[float]
) -> FloatArray:
    """Return values at the wanted levels from values at the known ones.

    Between known levels values are linear in the normal score of the level, and
    so are they beyond: a normal distribution comes back exactly. Known levels
    come back untouched.

    Parameters
    ----------
    values : (..., n_known) array
        Level last, in order of ``known``.
    known : sequence of float
        Ascending levels in (0, 1), at least two unless ``wanted`` is the same.
    wanted : sequence of float
        Levels in (0, 1).

    Returns
    -------
    (..., n_wanted) array

    Raises
    ------
    ValueError
        If a level is wanted that a single known level says nothing about.

    Examples
    --------
    >>> values_at_levels(np.array([0.0, 2.0]), known=[0.1, 0.9], wanted=[0.5]).tolist()
    [1.0]

    """
    if tuple(known) == tuple(wanted):
        return values
    if len(known) == 1:
        raise ValueError("one known level says nothing about another")
    scores, asked = normal_scores(known), normal_scores(wanted)
    right = np.clip(np.searchsorted(scores, asked), 1, len(known) - 1)
    weight = (asked - scores[right - 1]) / (scores[right] - scores[right - 1])
    low, high = values[..., right - 1], values[..., right]
    mixed = low + weight * (high - low)
    return np.where(weight == 1, high, mixed)
