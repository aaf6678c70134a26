"""What was learned of one model at one frequency, and how it goes on learning."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import CalibrationConfig, DriftConfig
from tsfm_runner.core.conformal.levels import TRACKED_TAILS, adapt_tails, tails_at
from tsfm_runner.core.conformal.scale import newton_step, scale_gradient
from tsfm_runner.core.conformal.sketch import N_BINS, shrink, tail_margins
from tsfm_runner.domain.calibration import ConformalStatus, StreamKey
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import (
    BAND_LEVEL,
    NEVER,
    ByCell,
    BySegment,
    IntArray,
    Runs,
    Scores,
    by_key,
    counted,
    joined,
    runs_of,
    tracked,
)
from tsfm_runner.service.calibration.describing import OTHER, SegmentId
from tsfm_runner.service.calibration.margins import KeptMargins
from tsfm_runner.service.calibration.priors import Prior

# The scale is learned as the distance that nine of ten outcomes stay within.
_SCALE_TAIL = 0.1
_RIDGE = 100.0
_ROUNDING = 1e-6
_MOST_COLLECTED = 4_096  # scores: more of them are learned from without waiting
_PLACES_PER_GROWTH = 16


class Drifted(NamedTuple):
    """A segment and a cell whose recent scores took the place of all others."""

    segment: int
    cell: int
    miss_rate: float
    inside_rate: float


@dataclass(slots=True, eq=False)
class Stream:
    """One revision of a model at one frequency.

    Outcomes are collected until one comes of another grid time; then all that are
    there are learned from at once, so their order among themselves is without
    effect. ``n_steps`` counts how often that was done: the clock of all decay.
    """

    key: StreamKey
    config: CalibrationConfig
    drift: DriftConfig
    prior: Prior
    names: list[str] = field(default_factory=list)
    segment: BySegment = field(default_factory=BySegment)
    cell: ByCell = field(default_factory=ByCell)
    incoming: list[Scores] = field(default_factory=list)
    grid_time: int = NEVER
    n_steps: int = 0
    updated_at_s: float | None = None
    _places: dict[str, int] = field(default_factory=dict)
    _known: dict[SegmentId, int] = field(default_factory=dict)
    _margins: KeptMargins = field(default_factory=KeptMargins)
    _has_prior: dict[int, bool] = field(default_factory=dict)  # by horizon
    _statuses: dict[tuple[int, int], ConformalStatus] = field(default_factory=dict)

    def place(self, segment: SegmentId) -> int:
        """Return the place of a segment among the arrays, a new one if need be."""
        known = self._known.get(segment)
        if known is not None:
            return known
        name = segment.name
        if name not in self._places and len(self.names) >= self.config.max_segments:
            return self.place_of(segment._replace(category=OTHER).name)
        self._known[segment] = self.place_of(name)
        return self._known[segment]

    def place_of(self, name: str) -> int:
        """Return the place of a segment by its name, a new one if need be."""
        if name not in self._places:
            self._places[name] = len(self.names)
            self.names.append(name)
        return self._places[name]

    def reach(self, n_cells: int) -> None:
        """Make room for all segments and for so many cells."""
        n_segments, had_cells = self.segment.counts.shape[:2]
        if len(self.names) > n_segments or n_cells > had_cells:
            room = len(self.names) + _PLACES_PER_GROWTH
            self.segment.grow(max(n_segments, room), max(had_cells, n_cells))
            self.prior = self.prior.resized(max(had_cells, n_cells))
            self.cell.grow(max(had_cells, n_cells))
            if self.config.learns_scale:
                self.cell.weights[had_cells:] = self.prior.weights[had_cells:]
            self._margins.clear()
            self._has_prior.clear()
            self._statuses.clear()

    @property
    def prior_scores(self) -> float:
        """How many scores the prior is still worth."""
        decay: float = 0.5 ** (self.n_steps / self.config.half_life_steps)
        return self.config.prior_scores * decay

    def overall(self, cells: IntArray) -> FloatArray:
        """Return the counts of all segments, with those that the prior stands for."""
        prior = self.prior_scores * self.prior.shares.take(cells, axis=0)
        return np.asarray(self.cell.overall.take(cells, axis=0) + prior)

    def has_scores(self, cells: IntArray) -> bool:
        """Whether each cell has a prior, or has seen enough scores of its own."""
        if self.config.prior_scores:
            if cells.size not in self._has_prior:
                known = self.prior.shares[cells].any(axis=1).all()
                self._has_prior[cells.size] = bool(known)
            if self._has_prior[cells.size]:
                return True
        least = self.cell.overall[cells].sum(axis=1).min()
        return bool(least >= self.config.min_scores - _ROUNDING)

    def margins(
        self, places: Sequence[int], cells: IntArray, wanted: tuple[float, ...]
    ) -> FloatArray:
        """Return the margins of segments at the tails wanted, of both sides.

        The shape is (n_places, horizon, 2, n_wanted); in units of the scale. They
        are kept until something is learned.
        """

        def compute(new: IntArray) -> FloatArray:
            by = self.segment
            keys = new[:, None] * by.counts.shape[1] + cells
            shares = shrink(
                by_key(by.counts).take(keys, axis=0).astype(np.float64),
                self.overall(cells),
                weight=self.config.shrinkage,
            )
            learned = by_key(by.tails).take(keys, axis=0).astype(np.float64)
            tails = tails_at(learned, wanted)
            aimed = (tails * self.config.caution).reshape(*tails.shape[:2], -1)
            return tail_margins(shares, aimed).reshape(tails.shape)

        return self._margins.of(places, cells.size, wanted, compute)

    def status(self, place: int, cells: IntArray) -> ConformalStatus:
        """Return how far what is known of a segment goes; the same until we learn."""
        key = place, cells.size
        found = self._statuses.get(key)
        if found is None:
            found = self._statuses[key] = self._find_status(place, cells)
        return found

    def _find_status(self, place: int, cells: IntArray) -> ConformalStatus:
        if not self.has_scores(cells):
            return "uncalibrated"
        by, drift = self.segment, self.drift
        if self.n_steps - by.drifted_at[place, cells].max() < drift.cooldown_steps:
            return "drifting"
        is_known = by.n_scored[place, cells].min() >= self.config.min_segment_scores
        is_warm = by.n_scored[:, cells].sum(axis=0).min() >= self.config.min_scores
        return "calibrated" if is_known and is_warm else "warming_up"

    def add(self, grid_time: int, scores: Scores, *, now_s: float) -> list[Drifted]:
        """Collect scores of one grid time; learn from those before if it is newer.

        Late ones join what is at hand, and so do those that are ahead of the time of
        day by more than a step: neither moves the clock.
        """
        newest = int(now_s // self.key.step_s) + 1
        told = min(grid_time, newest)
        moves = self.grid_time < told or self.grid_time > newest  # or it was wrong
        n_collected = sum(part.cells.size for part in self.incoming)
        drifted = []
        if moves or n_collected > _MOST_COLLECTED:
            drifted = self.learn(now_s=now_s)
        if moves:
            self.grid_time = told
        self.incoming.append(scores)
        return drifted

    def rewind(self, *, now_s: float) -> None:
        """Learn from what is at hand, and let the clock start at any time again.

        History that is replayed lies before what was learned last.
        """
        self.learn(now_s=now_s)
        self.grid_time = NEVER

    def learn(self, *, now_s: float) -> list[Drifted]:
        """Learn from what was collected; return where that showed a drift."""
        if not self.incoming:
            return []
        scores, self.incoming = joined(self.incoming), []
        self.n_steps += 1
        self.updated_at_s = now_s
        self._margins.clear()
        self._statuses.clear()
        keys = self._keys(scores)
        runs = runs_of(keys)
        self._count(scores, keys)
        self._follow(scores, runs)
        self._rescale(scores)
        return self._replace_drifted(runs.keys)

    def _keys(self, scores: Scores) -> IntArray:
        """Return the segment and the cell of each score as one number: see `by_key`."""
        n_cells: int = self.segment.counts.shape[1]
        return scores.segments * n_cells + scores.cells

    def _count(self, scores: Scores, keys: IntArray) -> None:
        by = self.segment
        decay = 0.5 ** (1 / self.config.half_life_steps)
        by.counts *= np.float32(decay)
        by.recent *= np.float32(0.5 ** (1 / self.drift.recent_half_life_steps))
        self.cell.overall *= decay
        bins = keys * N_BINS + scores.bins
        np.add.at(by.counts.reshape(-1), bins, np.float32(1))
        np.add.at(by.recent.reshape(-1), bins, np.float32(1))
        overall = scores.cells * N_BINS + scores.bins
        np.add.at(self.cell.overall.reshape(-1), overall, 1.0)
        np.add.at(by_key(by.n_scored), keys, 1)

    def _follow(self, scores: Scores, runs: Runs) -> None:
        """Move the tails, and the watch for drift, of the segments with outcomes."""
        told = tracked(scores)
        if not told.cells.size:
            return
        if told is not scores:
            runs = runs_of(self._keys(told))
        by = self.segment
        counts, missed, inside = counted(told, runs)
        tails = by_key(by.tails)
        tails[runs.keys] = adapt_tails(
            tails.take(runs.keys, axis=0).astype(np.float64),
            misses=missed,
            counts=counts[:, None],
            rate=self.config.level_rate,
        )
        rate = 1 - 0.5 ** (1 / self.drift.watch_half_life_steps)
        pace = rate * counts / (counts + 2)
        misses = missed[:, 0, BAND_LEVEL] + missed[:, 1, BAND_LEVEL]
        for array, seen in ((by.miss_rate, misses), (by.inside_rate, inside)):
            rates = by_key(array)
            before = rates.take(runs.keys)
            rates[runs.keys] = before + pace * (seen / counts - before)

    def _rescale(self, scores: Scores) -> None:
        """Move the weights of the scale towards what the outcomes ask for."""
        if not self.config.learns_scale:
            return
        by = self.cell
        by.precision *= 0.5 ** (1 / self.config.half_life_steps)
        cells, order, starts = runs_of(scores.cells)
        gradient, curvature = scale_gradient(
            scores.features.take(order, axis=0),
            scores.sizes.take(order),
            scores.base.take(order),
            starts=starts,
            tail=_SCALE_TAIL,
        )
        precision = by.precision.take(cells, axis=0) + curvature
        by.precision[cells] = precision
        precision += self.prior_scores * self.prior.precision.take(cells, axis=0)
        by.weights[cells] += newton_step(precision, gradient, ridge=_RIDGE)

    def _replace_drifted(self, touched: IntArray) -> list[Drifted]:
        """Let recent scores take the place of all, where what happens has changed.

        ``touched`` are the keys of segments and cells with outcomes, in order.
        """
        by, drift = self.segment, self.drift
        nominal = 2 * TRACKED_TAILS[BAND_LEVEL]
        is_off = (by_key(by.miss_rate).take(touched) > nominal + drift.excess) | (
            by_key(by.inside_rate).take(touched) > 1 - nominal + drift.excess
        )
        if not is_off.any():
            return []
        n_cells = by.counts.shape[1]
        where = np.divmod(touched, n_cells)
        is_known = by.recent[where].sum(axis=-1) >= drift.min_recent_scores
        is_ready = self.n_steps - by.drifted_at[where] >= drift.cooldown_steps
        chosen = touched[is_off & is_known & is_ready].tolist()
        found = []
        for place, cell in (divmod(key, n_cells) for key in chosen):
            rates = by.miss_rate[place, cell].item(), by.inside_rate[place, cell].item()
            found.append(Drifted(place, cell, *rates))
            by.counts[place, cell] = by.recent[place, cell]
            by.drifted_at[place, cell] = self.n_steps
            by.miss_rate[place, cell] = nominal
            by.inside_rate[place, cell] = 1 - nominal
        return found
