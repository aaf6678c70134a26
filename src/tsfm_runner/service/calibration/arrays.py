"""The arrays that hold what was learned, and the scores they learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.arrays import run_starts
from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import N_BINS
from tsfm_runner.domain.task import FloatArray

BAND_LEVEL = TRACKED_TAILS.index(0.1)
NEVER = -(10**9)

SingleArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Array = TypeVar("Array", SingleArray, IntArray)


class Scores(NamedTuple):
    """Steps of bands whose outcome is known, one row each.

    ``missed`` has shape (n, 2, n_tails): whether the outcome ended beyond the inner
    and the outer margin of each tracked tail; ``is_inside`` tells of the 10/90
    interval without its edges. ``is_tracked`` is False for a band that was drawn
    before there were margins.
    """

    segments: IntArray
    cells: IntArray
    bins: IntArray
    sizes: FloatArray
    missed: BoolArray
    is_inside: BoolArray
    features: FloatArray
    base: FloatArray
    is_tracked: BoolArray


def joined(parts: Sequence[Scores]) -> Scores:
    """Return all scores as one."""
    if len(parts) == 1:
        return parts[0]
    return Scores._make(map(np.concatenate, zip(*parts, strict=True)))


def tracked(scores: Scores) -> Scores:
    """Return the scores of bands that were drawn from margins."""
    if scores.is_tracked.all():
        return scores
    return Scores._make(column[scores.is_tracked] for column in scores)


class Runs(NamedTuple):
    """Rows put in order so that those of one key stand together.

    ``order`` are places of rows, ``starts`` where in it the rows of each key begin;
    ``keys`` ascend.
    """

    keys: IntArray
    order: IntArray
    starts: IntArray

    def sums(self, table: FloatArray) -> FloatArray:
        """Return the rows of a table added up by key."""
        return np.add.reduceat(table.take(self.order, axis=0), self.starts)


def runs_of(keys: IntArray) -> Runs:
    """Return the rows with these keys, in order of their key."""
    order = keys.argsort(kind="stable")
    ascending = keys.take(order)
    starts = run_starts(ascending)
    return Runs(ascending.take(starts), order, starts)


def counted(scores: Scores, runs: Runs) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return of each key how many outcomes there are, were missed, were inside.

    Those missed have the shape (n_keys, 2, n_tails).
    """
    n_missed = 2 * len(TRACKED_TAILS)
    table = np.ones((scores.cells.size, n_missed + 2))
    table[:, :n_missed] = scores.missed.reshape(-1, n_missed)
    table[:, n_missed] = scores.is_inside
    sums = runs.sums(table)
    missed = sums[:, :n_missed].reshape(-1, 2, len(TRACKED_TAILS))
    return sums[:, -1], missed, sums[:, n_missed]


def by_key(array: Array) -> Array:
    """Return a view of an array by segment and cell that has a row for each key."""
    return array.reshape(-1, *array.shape[2:], copy=False)


def _empty(*shape: int) -> SingleArray:
    return np.zeros((0, 0, *shape), dtype=np.float32)


@dataclass(slots=True, eq=False)
class BySegment:
    """Arrays whose first axes are the segment and the cell of steps."""

    counts: SingleArray = field(default_factory=lambda: _empty(N_BINS))
    recent: SingleArray = field(default_factory=lambda: _empty(N_BINS))
    tails: SingleArray = field(default_factory=lambda: _empty(2, len(TRACKED_TAILS)))
    miss_rate: SingleArray = field(default_factory=_empty)
    inside_rate: SingleArray = field(default_factory=_empty)
    drifted_at: IntArray = field(
        default_factory=lambda: np.zeros((0, 0), dtype=np.int64)
    )
    n_scored: IntArray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))

    def grow(self, n_segments: int, n_cells: int) -> None:
        """Make room; what is new starts at its nominal value."""
        starts = {
            "tails": np.array(TRACKED_TAILS, dtype=np.float32),
            "miss_rate": 2 * TRACKED_TAILS[BAND_LEVEL],
            "inside_rate": 1 - 2 * TRACKED_TAILS[BAND_LEVEL],
            "drifted_at": NEVER,
        }
        for one in fields(self):
            old = getattr(self, one.name)
            shape = (n_segments, n_cells, *old.shape[2:])
            new = np.full(shape, starts.get(one.name, 0), dtype=old.dtype)
            new[: old.shape[0], : old.shape[1]] = old
            setattr(self, one.name, new)


@dataclass(slots=True, eq=False)
class ByCell:
    """Arrays whose first axis is the cell of steps: what all segments share.

    Counts and precision are those of real scores alone, without the prior.
    """

    overall: FloatArray = field(default_factory=lambda: np.zeros((0, N_BINS)))
    precision: FloatArray = field(
        default_factory=lambda: np.zeros((0, N_FEATURES, N_FEATURES))
    )
    weights: FloatArray = field(default_factory=lambda: np.zeros((0, N_FEATURES)))

    def grow(self, n_cells: int) -> None:
        """Make room; what is new starts at nothing."""
        for one in fields(self):
            old = getattr(self, one.name)
            new = np.zeros((n_cells, *old.shape[1:]))
            new[: old.shape[0]] = old
            setattr(self, one.name, new)
