"""From raw points to a context: a regular grid without holes."""

from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray

_TIME_TOLERANCE = 1e-6
_GRID_TOLERANCE = 1e-6
_MIN_MOVES = 2
_TICK_DECIMALS = 6


class Run(NamedTuple):
    """Where the points of a context come from.

    ``start`` is the first step of the run; ``source`` holds, for each step from
    there on, the step whose value it has: its own, or an earlier one filled
    forward.
    """

    start: int
    source: IntArray


def steps_before(cutoff_s: float, times_s: FloatArray, *, step_s: float) -> IntArray:
    """Return how many whole steps before the cutoff each time lies.

    A time that is late by less than a millionth of a step counts as on time, and
    one after the cutoff as at it.

    Examples
    --------
    >>> steps_before(240, np.array([100.0, 180.0, 181.0, 240.001]), step_s=60).tolist()
    [2, 1, 0, 0]

    """
    ages = np.floor((cutoff_s - times_s) / step_s + _TIME_TOLERANCE)
    return np.maximum(ages, 0).astype(np.int64)


def bin_by_step(
    times_s: FloatArray, *, cutoff_s: float, step_s: float, max_steps: int
) -> IntArray:
    """Return, for each step up to the cutoff, the last point that falls into it.

    A point belongs to the step in which it lies: later than the grid time before
    and not later than the grid time itself. So the value at a grid time is the
    last one at or before it, and a point is never used early.

    Parameters
    ----------
    times_s : (n_points,) array
        Epoch seconds, strictly increasing, none after the cutoff.
    cutoff_s, step_s : float
        Seconds; the last grid time, and the distance between grid times.
    max_steps : int
        Only the most recent so many steps are kept.

    Returns
    -------
    (n_steps,) array of int
        Positions in ``times_s``, oldest step first, -1 where a step has no point.
        The first step always has one. Empty when no point is recent enough.

    Examples
    --------
    >>> bin_by_step(
    ...     np.array([0.0, 50.0, 60.0, 200.0]), cutoff_s=240, step_s=60, max_steps=9
    ... ).tolist()
    [0, 2, -1, -1, 3]

    """
    steps_back = steps_before(cutoff_s, times_s, step_s=step_s)
    recent = np.flatnonzero(steps_back < max_steps)
    if recent.size == 0:
        return np.empty(0, dtype=np.int64)
    n_steps = int(steps_back[recent[0]]) + 1
    binned = np.full(n_steps, -1, dtype=np.int64)
    binned[n_steps - 1 - steps_back[recent]] = recent  # the last assignment wins
    return binned


def latest_run(is_known: BoolArray, *, max_gap_steps: int) -> Run:
    """Return the most recent stretch of steps that has no long gap.

    Parameters
    ----------
    is_known : (n_steps,) array of bool
        Which steps have a value. One of the last ``max_gap_steps + 1`` has.
    max_gap_steps : int
        Longest run of steps without a value that is filled forward.

    Returns
    -------
    Run
        It starts at a step with a value and reaches to the end.

    Raises
    ------
    ValueError
        If the last steps are a gap that is too long.

    Examples
    --------
    >>> known = np.array([True, False, False, True, False, True])
    >>> latest_run(known, max_gap_steps=1)
    Run(start=3, source=array([3, 3, 5]))

    """
    positions = np.arange(is_known.size)
    source = np.maximum.accumulate(np.where(is_known, positions, -1))
    is_gap = (source < 0) | (positions - source > max_gap_steps)
    if is_gap[-1]:
        raise ValueError("the last steps are a gap")
    gaps = np.flatnonzero(is_gap)
    start = int(gaps[-1]) + 1 if gaps.size else 0
    return Run(start, source[start:])


def detect_ticks(prices: FloatArray) -> FloatArray:
    """Return the price grid that each series stands on, NaN where it shows none.

    The tick is the smallest non-zero step, if every price is a multiple of it
    and the series moved often enough to tell.

    Parameters
    ----------
    prices : (n_markets, n_points) array
        In [0, 1], ends aligned; NaN before the shorter ones, finite from there on.

    Returns
    -------
    (n_markets,) array
        Probability units.

    Examples
    --------
    >>> prices = np.array([[0.41, 0.42, 0.42, 0.40], [0.4, 0.4, 0.4, 0.4]])
    >>> detect_ticks(prices).tolist()
    [0.01, nan]

    """
    moves = np.abs(prices[:, 1:] - prices[:, :-1])
    is_move = moves > _GRID_TOLERANCE  # False where NaN
    smallest = np.min(moves, axis=1, initial=1, where=is_move)
    tick = smallest.round(_TICK_DECIMALS)
    in_ticks = prices / tick[:, None]
    off_grid = np.abs(in_ticks - np.rint(in_ticks)) * tick[:, None]
    is_on_grid = ~(off_grid > _GRID_TOLERANCE).any(axis=1)
    has_moved = is_move.sum(axis=1) >= _MIN_MOVES
    return np.where(is_on_grid & has_moved, tick, np.nan)


def stack_contexts(contexts: list[FloatArray]) -> FloatArray:
    """Return contexts as one matrix, ends aligned, NaN before the shorter ones.

    Examples
    --------
    >>> stack_contexts([np.array([0.1, 0.2]), np.array([0.3])]).tolist()
    [[0.1, 0.2], [nan, 0.3]]

    """
    width = max(context.size for context in contexts)
    if all(context.size == width for context in contexts):
        return np.array(contexts)
    stacked = np.full((len(contexts), width), np.nan)
    for row, context in zip(stacked, contexts, strict=True):
        row[width - context.size :] = context
    return stacked
