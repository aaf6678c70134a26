"""Tails that are tracked by what they let through, and those between them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

TRACKED_TAILS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4)
_LARGEST = 0.45
_SMALLEST_SHARE = 0.1
_HALF_TRUSTED = 5.0  # outcomes at which a step of the tracker has half its size
_NOMINAL = np.array(TRACKED_TAILS)
_SMALLEST = _SMALLEST_SHARE * _NOMINAL
_KNOTS = np.array((0.0, *TRACKED_TAILS, 0.5))
_LARGEST_LOG_SCALE = 3.0


def adapt_tails(
    tails: FloatArray, *, misses: FloatArray, counts: FloatArray, rate: float
) -> FloatArray:
    """Return tracked tails after the outcomes of one step.

    A tail that let through more than its nominal share is made smaller, and the
    other way round; many outcomes at once, which move together, count as one step.

    Parameters
    ----------
    tails : (..., n_tails) array
        The tails as they are used, for `TRACKED_TAILS` in order.
    misses : (..., n_tails) array
        How many outcomes ended beyond the edge.
    counts : (...) array, or one that broadcasts to it
        How many outcomes there were, positive.
    rate : float
        Size of a step.

    Returns
    -------
    (..., n_tails) array
        In [0.1 nominal, 0.45].

    References
    ----------
    Gibbs and Candes (2021), Adaptive Conformal Inference Under Distribution Shift,
    NeurIPS 34, equation 2.

    Examples
    --------
    >>> tails = np.array(TRACKED_TAILS)
    >>> misses = np.array([0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.0])
    >>> adapted = adapt_tails(tails, misses=misses, counts=np.array(5.0), rate=0.01)
    >>> adapted[3].item()
    0.0955

    """
    pace = rate * (counts / (counts + _HALF_TRUSTED))
    moved = tails + pace[..., None] * (_NOMINAL - misses / counts[..., None])
    return np.asarray(np.minimum(np.maximum(moved, _SMALLEST), _LARGEST))


def tails_at(tails: FloatArray, wanted: Sequence[float]) -> FloatArray:
    """Return the tails to use for nominal ones that are not tracked themselves.

    Between tracked tails they are linear; beyond, 0 stays 0 and 0.5 stays 0.5.

    Parameters
    ----------
    tails : (..., n_tails) array
        For `TRACKED_TAILS` in order.
    wanted : sequence of float
        Nominal tails, in (0, 0.5].

    Returns
    -------
    (..., n_wanted) array

    Examples
    --------
    >>> tails = 0.9 * np.array(TRACKED_TAILS)
    >>> tails_at(tails, [0.1, 0.15, 0.5]).round(4).tolist()
    [0.09, 0.135, 0.5]

    """
    between = _between(tuple(wanted))
    known = np.empty((*tails.shape[:-1], _KNOTS.size))
    known[..., 0] = _KNOTS[0]
    known[..., 1:-1] = tails
    known[..., -1] = _KNOTS[-1]
    below = known.take(between.left, axis=-1) * between.left_weight
    above = known.take(between.right, axis=-1) * between.right_weight
    return np.asarray(below + above)


class _Between(NamedTuple):
    """The places of the knots on both sides of each tail, and their weights."""

    left: IntArray
    right: IntArray
    left_weight: FloatArray
    right_weight: FloatArray


@lru_cache(maxsize=256)
def _between(wanted: tuple[float, ...]) -> _Between:
    right = np.clip(np.searchsorted(_KNOTS, wanted), 1, _KNOTS.size - 1)
    left = right - 1
    weight = (np.array(wanted) - _KNOTS[left]) / (_KNOTS[right] - _KNOTS[left])
    return _Between(left, right, 1 - weight, weight)


def adapt_market_scale(
    log_scale: FloatArray, *, misses: FloatArray, tail: float, leak: float, rate: float
) -> FloatArray:
    """Return how much wider a market's bands are than its segment's, as a logarithm.

    Parameters
    ----------
    log_scale : (n,) array
        Before the outcome; 0 for a market that is like its segment.
    misses : (n,) array
        Share of the two edges that the outcome ended beyond: 0 or 0.5.
    tail : float
        Nominal tail of these edges.
    leak : float
        Share that is forgotten at each outcome.
    rate : float
        Size of a step.

    Returns
    -------
    (n,) array
        In [-3, 3].

    Examples
    --------
    >>> adapt_market_scale(
    ...     np.array([0.0, 1.0]),
    ...     misses=np.array([0.5, 0.0]),
    ...     tail=0.1,
    ...     leak=0.03,
    ...     rate=0.1,
    ... ).round(4).tolist()
    [0.04, 0.96]

    """
    moved = (1 - leak) * log_scale + rate * (misses - tail)
    bounded = np.minimum(np.maximum(moved, -_LARGEST_LOG_SCALE), _LARGEST_LOG_SCALE)
    return np.asarray(bounded)
