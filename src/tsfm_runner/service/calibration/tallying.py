"""Exact counts of how bands have done, by segment and step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.conformal.coverage import ClusterSums
from tsfm_runner.domain.calibration import IntervalRecord
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.calibration.rows import Rows

TOLERANCE = 1e-6  # an outcome this close to an edge stands on it
KINDS = ("served", "raw", "target")
_BAND_MISS = 0.2
_N_NUMBERS = 1 + 4 * len(KINDS)
_MAX_EVENTS = 20_000


class Kept(NamedTuple):
    """How each outcome stands to an interval."""

    is_closed: npt.NDArray[np.bool_]
    is_open: npt.NDArray[np.bool_]
    width: FloatArray
    score: FloatArray


def kept(edges: FloatArray, y: FloatArray, *, miss: float) -> Kept:
    """Return how each outcome stands to its interval.

    ``edges`` has shape (n, 2). The score is the interval score of Gneiting and
    Raftery (2007), Strictly proper scoring rules, JASA 102, section 6.2.
    """
    low, high = edges[:, 0], edges[:, 1]
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    return Kept(
        (y >= low - TOLERANCE) & (y <= high + TOLERANCE),
        is_between(edges, y),
        high - low,
        high - low + 2 / miss * outside,
    )


def is_between(edges: FloatArray, y: FloatArray) -> npt.NDArray[np.bool_]:
    """Return whether each outcome stands inside its interval, on neither edge."""
    return (y > edges[:, 0] + TOLERANCE) & (y < edges[:, 1] - TOLERANCE)


@dataclass(slots=True, eq=False)
class Tallies:
    """Sums over outcomes: axes are shadow or not, segment, cell, number.

    ``clusters`` has, for each segment, the sums of `ClusterSums`; ``events`` the
    outcomes and the hits so far of each event in each segment.
    """

    sums: FloatArray = field(default_factory=lambda: np.zeros((2, 0, 0, _N_NUMBERS)))
    clusters: FloatArray = field(default_factory=lambda: np.zeros((0, 6)))
    events: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)

    def grow(self, n_segments: int, n_cells: int) -> None:
        """Make room for so many segments and cells."""
        old = self.sums
        if old.shape[1] >= n_segments and old.shape[2] >= n_cells:
            return
        shape = max(old.shape[1], n_segments), max(old.shape[2], n_cells)
        self.sums = np.zeros((2, *shape, _N_NUMBERS))
        self.sums[:, : old.shape[1], : old.shape[2]] = old
        clusters = np.zeros((shape[0], 6))
        clusters[: len(self.clusters)] = self.clusters
        self.clusters = clusters

    def add(  # noqa: PLR0913 - one argument a column
        self,
        rows: Rows,
        y: FloatArray,
        *,
        target_miss: float,
        shadows: IntArray,
        segments: IntArray,
        cells: IntArray,
        events: list[str],
    ) -> tuple[Kept, Kept]:
        """Count outcomes; return how they stand to the 10/90 and the target interval.

        Both are those that were served.
        """
        served = kept(rows.served, y, miss=_BAND_MISS)
        raw = kept(rows.raw, y, miss=_BAND_MISS)
        target = kept(rows.target, y, miss=target_miss)
        numbers = np.stack(
            (np.ones_like(y), *served, *raw, *target), axis=1, dtype=np.float64
        )
        np.add.at(self.sums, (shadows, segments, cells), numbers)
        self.cluster(segments.tolist(), events, target.is_closed.tolist())
        return served, target

    def cluster(
        self, segments: list[int], events: list[str], is_hit: list[bool]
    ) -> None:
        """Move the sums of each event's segment from what it was to what it is."""
        new: dict[tuple[int, str], list[int]] = {}
        for segment, event, hit in zip(segments, events, is_hit, strict=True):
            count = new.setdefault((segment, event), [0, 0])
            count[0] += 1
            count[1] += hit
        for (segment, event), (n, hits) in new.items():
            was_n, was_hits = self.events.pop((segment, event), (0, 0))
            self._move(segment, (was_n, was_hits), (was_n + n, was_hits + hits))
            self.events[segment, event] = was_n + n, was_hits + hits
        while len(self.events) > _MAX_EVENTS:  # one that comes back counts as new
            del self.events[next(iter(self.events))]

    def _move(self, segment: int, was: tuple[int, int], now: tuple[int, int]) -> None:
        """Move the sums of a segment for an event that went from one count to more."""
        self.clusters[segment] += (
            (was[0] == 0),
            now[0] - was[0],
            now[1] - was[1],
            now[0] ** 2 - was[0] ** 2,
            now[0] * now[1] - was[0] * was[1],
            now[1] ** 2 - was[1] ** 2,
        )

    def add_event(self, segment: int, event: str, counts: tuple[int, int]) -> None:
        """Join the counts of an event elsewhere, whose sums are here already, to ours.

        The same event in two places is one cluster, not two.
        """
        here = self.events.get((segment, event))
        if here is not None:
            self._move(segment, counts, (0, 0))
            self.clusters[segment, 0] -= 2
            both = here[0] + counts[0], here[1] + counts[1]
            self._move(segment, here, both)
            self.clusters[segment, 0] += 1
            counts = both
        self.events[segment, event] = counts

    def of_segment(self, place: int) -> ClusterSums:
        """Return the sums over events of one segment."""
        if place >= len(self.clusters):
            return ClusterSums(0, 0, 0, 0, 0, 0)
        n_clusters, *rest = self.clusters[place].tolist()
        return ClusterSums(int(n_clusters), *rest)

    def targets(self, cells: IntArray) -> FloatArray:
        """Return count, closed, open and sum of widths of the target as served.

        The shape is (n_segments, n_cells, 4); cells beyond those seen are left out.
        """
        known = cells[cells < self.sums.shape[2]]
        return np.asarray(self.sums[0][:, known][:, :, [0, -4, -3, -2]])

    def records(self) -> Iterator[tuple[bool, int, int, int, list[IntervalRecord]]]:
        """Yield shadow or not, segment, cell, count, and a record of each kind."""
        for shadow, segment, cell in np.argwhere(self.sums[..., 0] > 0).tolist():
            n, *numbers = self.sums[shadow, segment, cell].tolist()
            records = [
                IntervalRecord(
                    int(numbers[start]),
                    int(numbers[start + 1]),
                    numbers[start + 2] / n,
                    numbers[start + 3] / n,
                )
                for start in range(0, len(numbers), 4)
            ]
            yield bool(shadow), segment, cell, int(n), records
