"""Calibrate every band from what became of those before it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.conformal.cells import cells_within
from tsfm_runner.domain.calibration import Certificate, StreamKey
from tsfm_runner.domain.ledger import LedgerEntry, OutcomeEntry, OutcomeSource
from tsfm_runner.domain.signals import BreachSignal
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
    outcome_entries,
    score_entries,
    waiting_of,
)
from tsfm_runner.service.calibration.scoring import Lesson, score
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.calibration.watching import Watch
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
        watch: Watch,
        publish: Callable[[BreachSignal], None],
    ) -> None:
        """Go on from a state and from what waits; write down what happens.

        ``publish`` hears of signals once they are on their way into the ledger.
        """
        self.state = state
        self.pending = pending
        self.numbers = numbers
        self.ledger = ledger
        self.drifts = Drifts(wall_clock)
        self._describer = describer
        self._telemetry = telemetry
        self._wall_clock = wall_clock
        self._watch = watch
        self._publish = publish

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
        signals = self._watch.hear(points, now_s=now_s)
        ended: list[Ended] = []
        outcomes: list[OutcomeEntry] = []
        for told in points:
            found = self._end(told, keeps_last=source != "request")
            if found is not None:
                ended.append(found)
            outcomes += outcome_entries(told, found, source, now_s)
        if ended:
            signals += self._watch.observe(ended, self.state.of, now_s=now_s)
            self._learn(ended, [*outcomes, *signals], now_s)
        elif outcomes or signals:
            self.ledger.append([*outcomes, *signals])
        self._tell_of(signals)
        return Told(len(outcomes), sum(len(one.waiting) for one in ended))

    def sweep(self) -> None:
        """Look at the markets of which nothing is told."""
        signals = self._watch.sweep(self._wall_clock())
        if signals:
            self.ledger.append(signals)
            self._tell_of(signals)

    def _tell_of(self, signals: Sequence[BreachSignal]) -> None:
        for signal in signals:
            self._telemetry.signal_told(signal)
            self._publish(signal)

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
        self, ended: list[Ended], told: Sequence[LedgerEntry], now_s: float
    ) -> None:
        scores = score_entries(ended, self.numbers)
        lessons = score(ended, self.state.of, self.state.config, now_s=now_s)
        for one in ended:
            self.pending.release(one)
        self.ledger.append([*told, *scores])
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


def _alike(answer: RawAnswer) -> _Alike:
    prepared, model = answer.prepared, answer.model
    task = prepared.task
    key = StreamKey(model.name, model.revision, task.freq.step_s)
    return _Alike(key, task.horizon, prepared.levels)
