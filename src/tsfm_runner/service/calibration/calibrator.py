"""Calibrate every band from what became of those before it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.conformal.cells import cells_within
from tsfm_runner.domain.calibration import Certificate, StreamKey
from tsfm_runner.domain.ledger import (
    IdArray,
    LedgerEntry,
    OutcomeEntry,
    OutcomeSource,
    ScoreEntry,
    StepArray,
)
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.domain.telling import Breaches
from tsfm_runner.ports import Clock, Ledger, Telemetry
from tsfm_runner.service.calibration.certifying import certify
from tsfm_runner.service.calibration.describing import Describer, Description
from tsfm_runner.service.calibration.drawing import draw, target_of
from tsfm_runner.service.calibration.drifts import Drifts
from tsfm_runner.service.calibration.outlining import outlined
from tsfm_runner.service.calibration.pending import Ended, Pending
from tsfm_runner.service.calibration.points import MarketPoints, points_of
from tsfm_runner.service.calibration.questions import Calibrated, RawAnswer, Served
from tsfm_runner.service.calibration.recording import (
    Numbers,
    entry_of,
    waiting_of,
)
from tsfm_runner.service.calibration.scoring import Lesson, score
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.preparing import PreparedTask

_MOST_AHEAD_S = 600  # clocks differ; a band from further ahead is never scored


class Told(NamedTuple):
    """What became of points that were told: how many ended steps of bands."""

    n_points: int
    n_scored: int


class _Alike(NamedTuple):
    """What bands must share to be drawn together."""

    stream: StreamKey
    horizon: int
    levels: tuple[float, ...]


class Calibrator:
    """Scores bands when their outcomes come, and draws the next ones accordingly."""

    def __init__(  # noqa: PLR0913 - one argument a collaborator
        self,
        state: CalibrationState,
        pending: Pending,
        *,
        numbers: Numbers,
        describer: Describer,
        ledger: Ledger,
        telemetry: Telemetry,
        wall_clock: Clock,
    ) -> None:
        """Go on from a state and from what waits; write down what happens."""
        self.state = state
        self.pending = pending
        self.numbers = numbers
        self.ledger = ledger
        self.drifts = Drifts(wall_clock)
        self._describer = describer
        self._telemetry = telemetry
        self._wall_clock = wall_clock

    @property
    def version(self) -> int:
        """A number that grows whenever anything was learned."""
        return self.state.version

    def learn_from(self, tasks: Sequence[PreparedTask]) -> None:
        """Take outcomes from the series of new requests, each of them once."""
        points = []
        for prepared in tasks:
            book = self.pending.book(prepared.task.market_id)
            if book is None or prepared.task.cutoff.timestamp() < book.due_s:
                continue
            told = points_of(prepared.task, since_s=book.since_s())
            if told.times_s.size:
                points.append(told)
        if points:
            self.tell(points, source="request")

    def tell(self, points: Sequence[MarketPoints], *, source: OutcomeSource) -> Told:
        """Take outcomes; points that tell nothing new are written down all the same.

        Those of requests are only where they end a step of a band.
        """
        now_s = self._wall_clock()
        ended: list[Ended] = []
        outcomes: list[OutcomeEntry] = []
        for told in points:
            found = self._end(told, keeps_last=source != "request")
            if found is not None:
                ended.append(found)
            outcomes += _outcomes(told, found, source, now_s)
        if ended:
            self._learn(ended, outcomes, now_s)
        elif outcomes:
            self.ledger.append(outcomes)
        return Told(len(outcomes), sum(len(one.waiting) for one in ended))

    def _end(self, told: MarketPoints, *, keeps_last: bool) -> Ended | None:
        """Close the steps of which the points, and the one before them, tell."""
        book = self.pending.book(told.market_id)
        times_s, prices = told.times_s, told.prices
        before = self.pending.last_point(told.market_id)
        if before and before[0] < times_s[-1] and before[0] not in times_s:
            place = int(np.searchsorted(times_s, before[0]))
            times_s = np.insert(times_s, place, before[0])
            prices = np.insert(prices, place, before[1])
        if keeps_last:
            last = float(told.times_s[-1]), float(told.prices[-1])
            self.pending.remember_point(told.market_id, *last)
        return None if book is None else book.end(told.market_id, times_s, prices)

    def _learn(
        self, ended: list[Ended], outcomes: Sequence[LedgerEntry], now_s: float
    ) -> None:
        parts = [part for one in ended for part in _parts(one)]
        parts.sort(key=lambda part: part.ts_s)
        scores = [ScoreEntry(self.numbers.next_score(), *part) for part in parts]
        lessons = score(ended, self.state.of, self.state.config, now_s=now_s)
        for one in ended:
            self.pending.release(one)
        self.ledger.append([*outcomes, *scores])
        self._report(lessons, sum(len(one.waiting) for one in ended))

    def _report(self, lessons: Sequence[Lesson], n_steps: int) -> None:
        for lesson in lessons:
            for drift in lesson.drifts:
                self._telemetry.drifted(drift)
                self.drifts.add(drift)
        moderate = sum(lesson.breaches.n_moderate for lesson in lessons)
        severe = sum(lesson.breaches.n_severe for lesson in lessons)
        served = sum(lesson.breaches.n_served for lesson in lessons)
        self._telemetry.outcomes_scored(n_steps, Breaches(moderate, severe, served))

    def calibrate(self, answers: Sequence[RawAnswer]) -> list[Calibrated]:
        """Return the calibrated band of each answer, in order."""
        drawn: dict[int, Calibrated] = {}
        for alike, places, members in grouped(answers, _alike):
            bands = self._draw(alike, members)
            drawn |= dict(zip(places, bands, strict=True))
        return [drawn[place] for place in range(len(answers))]

    def _draw(self, alike: _Alike, answers: Sequence[RawAnswer]) -> list[Calibrated]:
        tasks = [one.prepared for one in answers]
        described = self._describer.describe(tasks, horizon=alike.horizon)
        raw = np.stack([one.values for one in answers])
        if not self.state.config.enabled:
            return self._left_raw(alike, raw, described)
        learned = self.state.of_key(alike.stream)
        cells = cells_within(alike.horizon)
        own = learned.scales.of(
            [prepared.task.market_id for prepared in tasks], int(cells[-1]) + 1
        )
        outline = outlined(raw, described, alike.levels)
        bands = draw(learned.stream, outline, own[:, cells], alike.levels)
        version = self.version
        return [
            Calibrated(
                values,
                certify(learned, place, cells, target, version),
                target,
                learned.stream,
                place,
                packed,
            )
            for values, target, packed, place in zip(
                bands.values, bands.target, bands.packed, bands.places, strict=True
            )
        ]

    def _left_raw(
        self, alike: _Alike, raw: FloatArray, described: Description
    ) -> list[Calibrated]:
        """Return bands as they are, where calibration is switched off."""
        coverage = self.state.config.target_coverage
        targets = target_of(raw, alike.levels, coverage)
        stream = self.state.stream(alike.stream)
        return [
            Calibrated(
                band,
                Certificate(
                    status="disabled",
                    segment=segment.name,
                    n=0,
                    empirical_coverage=None,
                    coverage_interval=None,
                    target_coverage=coverage,
                    lower=target[:, 0],
                    upper=target[:, 1],
                    state_version=self.version,
                    updated_at_s=None,
                ),
                target,
                stream,
                0,
                None,
            )
            for band, target, segment in zip(
                raw, targets, described.segments, strict=True
            )
        ]

    def remember(self, served: Sequence[Served]) -> None:
        """Let bands wait for their outcomes, and write them down."""
        now_s = self._wall_clock()
        entries = [self._remember_one(one, now_s) for one in served]
        self.pending.expire(now_s)
        self.ledger.append(entries)

    def _remember_one(self, served: Served, now_s: float) -> LedgerEntry:
        task, calibrated = served.prepared.task, served.calibrated
        number = self.numbers.next_forecast()
        cutoff_s = task.cutoff.timestamp()
        is_scored = (
            calibrated.packed is not None
            and cutoff_s < now_s + max(_MOST_AHEAD_S, task.freq.step_s)
            and self.pending.is_new(task.market_id, calibrated.stream, cutoff_s)
        )
        if is_scored:
            delay_s = self.state.config.max_outcome_delay_s
            self.pending.add(waiting_of(number, served, now_s, delay_s))
        return entry_of(number, served, now_s, is_scored=is_scored)


class _Part(NamedTuple):
    """The steps of bands of one market that ended at one time; steps count from 1."""

    market_id: str
    ts_s: float
    y: float
    ids: IdArray
    steps: StepArray


def _parts(ended: Ended) -> list[_Part]:
    ids = np.array([one.id for one in ended.waiting], dtype=np.int64)
    steps = (ended.steps + 1).astype(np.int16)
    cuts = [0, *(np.flatnonzero(np.diff(ended.ts_s)) + 1).tolist(), ids.size]
    return [
        _Part(
            ended.market_id,
            float(ended.ts_s[begin]),
            float(ended.y[begin]),
            ids[begin:end],
            steps[begin:end],
        )
        for begin, end in pairwise(cuts)
    ]


def _outcomes(
    told: MarketPoints, ended: Ended | None, source: OutcomeSource, now_s: float
) -> list[OutcomeEntry]:
    """Return what is written down of points: of a request, those that ended a step."""
    times_s, prices = told.times_s, told.prices
    if source == "request":
        if ended is None:
            return []
        times_s, prices = ended.ts_s, ended.y
    pairs = dict(zip(times_s.tolist(), prices.tolist(), strict=True)).items()
    return [OutcomeEntry(told.market_id, ts_s, y, source, now_s) for ts_s, y in pairs]


def _alike(answer: RawAnswer) -> _Alike:
    prepared, model = answer.prepared, answer.model
    task = prepared.task
    key = StreamKey(model.name, model.revision, task.freq.step_s)
    return _Alike(key, task.horizon, prepared.levels)
