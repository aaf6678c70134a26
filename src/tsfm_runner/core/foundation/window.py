"""The window that a model looks at: padded evenly, with its changes and its scale."""

from functools import cache
from typing import Final, NamedTuple

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS

LEAST_SCALE: Final = 2e-4
"""Price units; what a market at the edge moves by that has never moved."""

LEAST_VARIANCE: Final = LEAST_SCALE**2

_EXPECTED_MOVE = 0.03  # of sqrt(p (1 - p)): what a new market moves by in a step
_EXPECTED_WEIGHT = 0.25  # steps that this expectation stands for


class Window(NamedTuple):
    """Contexts with their padding filled by their first price.

    So padding never moves, and it never lies beyond what is known. The changes
    are those from one step to the next; ``n_changes`` counts those between known
    steps, and all others are 0.
    """

    prices: FloatArray  # (n, 288)
    is_valid: BoolArray  # (n, 288), False in the padding
    lengths: IntArray  # (n,)
    n_changes: IntArray  # (n,)
    changes: FloatArray  # (n, 287)
    sizes: FloatArray  # (n, 287), of the changes, without sign
    squares: FloatArray  # (n, 287)
    sum_of_squares: FloatArray  # (n,)
    scale: FloatArray  # (n,), price units per square root of a step


def open_window(prices: FloatArray, lengths: IntArray) -> Window:
    """Return the window of each context.

    The scale is the root mean square of the changes, shrunk a little to what a
    market at this price is expected to move by: one that has just opened has
    shown no change at all.

    Parameters
    ----------
    prices : (n_markets, 288) array
        In [0, 1], ends aligned, oldest first; padding may hold anything.
    lengths : (n_markets,) array of int
        How many of the last steps are no padding, in [1, 288].

    Returns
    -------
    Window

    Examples
    --------
    >>> prices = np.zeros((1, 288))
    >>> prices[0, -3:] = [0.5, 0.75, 0.5]
    >>> window = open_window(prices, np.array([2]))
    >>> window.changes[0, -3:].tolist()
    [0.0, 0.0, -0.25]

    """
    starts = CONTEXT_STEPS - lengths
    is_valid = _positions() >= starts[:, None]
    first = prices[np.arange(lengths.size), starts]
    filled = np.where(is_valid, prices, first[:, None])
    changes = filled[:, 1:] - filled[:, :-1]
    squares = changes * changes
    sum_of_squares = squares.sum(axis=1)
    return Window(
        prices=filled,
        is_valid=is_valid,
        lengths=lengths,
        n_changes=lengths - 1,
        changes=changes,
        sizes=np.abs(changes),
        squares=squares,
        sum_of_squares=sum_of_squares,
        scale=_scale(filled[:, -1], sum_of_squares, n_changes=lengths - 1),
    )


def _scale(
    last: FloatArray, sum_of_squares: FloatArray, *, n_changes: IntArray
) -> FloatArray:
    expected = _EXPECTED_MOVE**2 * last * (1 - last)
    total = sum_of_squares + _EXPECTED_WEIGHT * expected
    return np.sqrt(total / (n_changes + _EXPECTED_WEIGHT) + LEAST_VARIANCE)


@cache
def _positions() -> IntArray:
    positions = np.arange(CONTEXT_STEPS)
    positions.setflags(write=False)
    return positions
