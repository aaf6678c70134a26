"""Scores of bands: coverage, width and Winkler score, by step and by part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

EQUAL = 1e-5
NEAR = 0.05
MIN_ORIGINS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What became of every band, one row an origin and one column a step ahead.

    ``is_known`` is false where there is no outcome; the rest is zero there.
    """

    is_known: BoolArray
    is_closed: BoolArray
    is_open: BoolArray
    width: Array
    winkler: Array


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Means over origins; every array has one element a step ahead.

    ``closed`` is the share of outcomes within the band, ``inside`` the share within
    and on neither edge; ``error`` is how far the target lies outside the two.
    ``near`` is the share of markets with enough origins whose error is small.
    """

    n: IntArray
    closed: FloatArray
    inside: FloatArray
    error: FloatArray
    width: FloatArray
    winkler: FloatArray
    near: FloatArray


def mark(edges: Array, outcomes: Array, *, coverage: float) -> Marks:
    """Hold edges of shape (n_origins, horizon, 2) against what happened.

    Prices come on a grid and bands often end on it, so that coverage is counted
    twice: with both edges (closed) and without them (open). The Winkler score is
    the width and, for an outcome outside, ``2 / (1 - coverage)`` times its distance.

    References
    ----------
    Gneiting and Raftery (2007), Strictly Proper Scoring Rules, section 6.2.

    """
    lower, upper = edges[..., 0], edges[..., 1]
    is_known = np.isfinite(outcomes) & np.isfinite(lower) & np.isfinite(upper)
    width = np.where(is_known, upper - lower, 0)
    missed = np.maximum(lower - outcomes, 0) + np.maximum(outcomes - upper, 0)
    penalty = np.where(is_known, 2 / (1 - coverage) * missed, 0)
    return Marks(
        is_known,
        is_known & (outcomes >= lower - EQUAL) & (outcomes <= upper + EQUAL),
        is_known & (outcomes > lower + EQUAL) & (outcomes < upper - EQUAL),
        width.astype(np.float32),
        (width + penalty).astype(np.float32),
    )


def tie_error(closed: FloatArray, inside: FloatArray, *, coverage: float) -> FloatArray:
    """Return how far the target lies outside open to closed coverage."""
    return np.maximum(np.maximum(coverage - closed, inside - coverage), 0)


def score(
    marks: Marks, rows: BoolArray, markets: IntArray, *, coverage: float
) -> Score:
    """Return the scores over some origins."""
    n = marks.is_known[rows].sum(axis=0)
    count = np.maximum(n, 1)
    closed, inside, width, winkler = (
        np.where(n > 0, part[rows].sum(axis=0, dtype=np.float64) / count, np.nan)
        for part in (marks.is_closed, marks.is_open, marks.width, marks.winkler)
    )
    error = tie_error(closed, inside, coverage=coverage)
    by_market = by_group(marks, rows, markets, coverage=coverage)
    near = _share_near(by_market)
    return Score(n, closed, inside, error, width, winkler, near)


def _share_near(by_market: tuple[FloatArray, FloatArray]) -> FloatArray:
    counts, errors = by_market
    is_long = counts >= MIN_ORIGINS
    is_near = is_long & (errors <= NEAR + 1e-9)
    n_long = is_long.sum(axis=0)
    return np.where(n_long > 0, is_near.sum(axis=0) / np.maximum(n_long, 1), np.nan)


def by_group(
    marks: Marks, rows: BoolArray, groups: IntArray, *, coverage: float
) -> tuple[FloatArray, FloatArray]:
    """Return counts and tie-consistent errors of shape (n_groups, horizon)."""
    kept = groups[rows]
    n = group_sums(marks.is_known[rows], kept)
    count = np.maximum(n, 1)
    closed = group_sums(marks.is_closed[rows], kept) / count
    inside = group_sums(marks.is_open[rows], kept) / count
    return n, tie_error(closed, inside, coverage=coverage)


def group_sums(values: npt.NDArray[np.generic], groups: IntArray) -> FloatArray:
    """Add up the rows of each group; groups are named from zero on."""
    n_groups = int(groups.max(initial=-1)) + 1
    columns = values.astype(np.float64).T
    sums = [np.bincount(groups, column, minlength=n_groups) for column in columns]
    return np.array(sums, dtype=np.float64).T
