"""Put together what two processes have learned apart from each other."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import BySegment, IntArray
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.calibration.streams import Stream

_LEAST = 1e-9


def merge(state: CalibrationState, other: CalibrationState) -> None:
    """Add what another process has learned, of other outcomes, to a state.

    Counts add up: as if one process had scored everything. What follows outcomes one
    after the other, the tails and the weights of the scale, becomes a mean by how
    much each has seen. The other state is left as it was.
    """
    for key, theirs in other.learned.items():
        ours = state.of_key(key)
        for one in (ours.stream, theirs.stream):
            one.learn(now_s=one.updated_at_s or 0.0)
        places = np.array(
            [ours.stream.place_of(name) for name in theirs.stream.names], dtype=np.int64
        )
        n_cells = theirs.stream.segment.counts.shape[1]
        ours.stream.reach(n_cells)
        if places.size and n_cells:
            _add_segments(ours.stream.segment, theirs.stream, places)
            _add_cells(ours.stream, theirs.stream)
            _add_tallies(ours, theirs, places)
            _add_markets(ours, theirs)
        _take_later(ours.stream, theirs.stream)


def _add_segments(ours: BySegment, other: Stream, places: IntArray) -> None:
    theirs = other.segment
    n_cells = theirs.counts.shape[1]
    where = np.ix_(places, np.arange(n_cells))
    rows = slice(None, places.size)
    share = _share(theirs.n_scored[rows], ours.n_scored[where])
    for name in ("tails", "miss_rate", "inside_rate"):
        mine, new = getattr(ours, name), getattr(theirs, name)[rows]
        weight = share.reshape(*share.shape, *(1,) * (new.ndim - share.ndim))
        mine[where] += (weight * (new - mine[where])).astype(mine.dtype)
    for name in ("counts", "recent", "n_scored"):
        getattr(ours, name)[where] += getattr(theirs, name)[rows]
    ours.drifted_at[where] = np.maximum(ours.drifted_at[where], theirs.drifted_at[rows])


def _add_cells(ours: Stream, other: Stream) -> None:
    theirs = other.cell
    n_cells = len(theirs.weights)
    cells = slice(None, n_cells)
    share = _share(theirs.overall.sum(axis=1), ours.cell.overall[cells].sum(axis=1))
    mine = ours.cell.weights
    mine[cells] += share[:, None] * (theirs.weights - mine[cells])
    ours.cell.overall[cells] += theirs.overall
    ours.cell.precision[cells] += theirs.precision


def _share(new: FloatArray | IntArray, old: FloatArray | IntArray) -> FloatArray:
    """Return how much of a mean the new part makes."""
    return np.asarray(new / np.maximum(new + old, _LEAST))


def _add_tallies(ours: Learned, theirs: Learned, places: IntArray) -> None:
    mine, new = ours.tallies, theirs.tallies
    n_segments, n_cells = new.sums.shape[1:3]
    mine.grow(len(ours.stream.names), n_cells)
    rows = places[:n_segments]
    mine.sums[:, rows[:, None], np.arange(n_cells)] += new.sums[:, : rows.size]
    mine.clusters[rows] += new.clusters[: rows.size]
    for (segment, event), counts in new.events.items():
        mine.add_event(int(places[segment]), event, counts)


def _add_markets(ours: Learned, theirs: Learned) -> None:
    """Take over the scales of markets that only the other process has seen."""
    known = ours.scales.rows.keys()
    new: Sequence[str] = [name for name in theirs.scales.rows if name not in known]
    if new:
        n_cells = theirs.scales.logs.shape[1]
        ours.scales.put(new, theirs.scales.of(new, n_cells))


def _take_later(ours: Stream, theirs: Stream) -> None:
    ours.n_steps = max(ours.n_steps, theirs.n_steps)
    ours.grid_time = max(ours.grid_time, theirs.grid_time)
    times = [one.updated_at_s for one in (ours, theirs) if one.updated_at_s is not None]
    ours.updated_at_s = max(times, default=None)
