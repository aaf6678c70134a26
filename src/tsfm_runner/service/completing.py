"""The last step of every answer: a baseline where no model answered, and finish."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tsfm_runner.config import BandConfig
from tsfm_runner.domain.asker import NOBODY, Asker
from tsfm_runner.domain.forecast import (
    BreakerState,
    FallbackReason,
    Provenance,
    Rung,
    ServedForecast,
)
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.ports import Clock, Tracer
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.questions import Calibrated, RawAnswer, Served
from tsfm_runner.service.calibration.shadowing import Shadow, Shadowing
from tsfm_runner.service.finishing import Finished, at_levels, finish
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask
from tsfm_runner.service.routing import Route, Target
from tsfm_runner.service.untraced import UNTRACED


class Aside(NamedTuple):
    """What a model drew that was asked only to be judged."""

    target: Target
    band: RawBand


@dataclass(frozen=True, slots=True, eq=False)
class Journey:
    """One task on its way: what was made of it, where it may go, what it got.

    ``first_model`` is the model that it set out for, None if it was a baseline.
    """

    prepared: PreparedTask
    route: Route
    first_model: Target | None
    started_s: float
    band: RawBand | None = None
    aside: Aside | None = None
    asker: Asker = NOBODY

    @property
    def is_open(self) -> bool:
        """Whether a model is still to be asked."""
        return self.band is None and self.route.asked.rung != "baseline"

    def answered(self, answer: RawBand | FallbackReason) -> "Journey":
        """Return the way on: arrived with a band, or one rung further down.

        What a model says that is only to be judged is kept aside.
        """
        explored = self.route.explored
        if explored is not None:
            if isinstance(answer, RawBand):
                aside = Aside(explored, answer)
                return replace(self, route=self.route.judged(None), aside=aside)
            return replace(self, route=self.route.judged(answer))
        band = answer if isinstance(answer, RawBand) else None
        route = self.route if isinstance(answer, RawBand) else self.route.skip(answer)
        return Journey(
            self.prepared,
            route,
            self.first_model,
            self.started_s,
            band,
            asker=self.asker,
        )

    def without_models(self, reason: FallbackReason) -> "Journey":
        """Return the way past every model that is still to be asked."""
        way = self
        while way.is_open:
            way = way.answered(reason)
        return way


@dataclass(frozen=True, slots=True)
class Completer:
    """Turns journeys into served forecasts; never fails."""

    band: BandConfig
    baselines: Baselines
    shadowing: Shadowing
    calibrator: Calibrator
    lines: Mapping[Rung, RuntimeLine]
    clock: Clock
    new_id: Callable[[], str]
    tracer: Tracer = UNTRACED

    def complete(self, journeys: Sequence[Journey]) -> list[ServedForecast]:
        """Return the answer of each journey, in order."""
        if not journeys:
            return []
        traces = [way.asker.traceparent for way in journeys]
        with self.tracer.stage("finish", traces):
            pairs = self._arrive(journeys)
            finished = finish(pairs, self.band)
        with self.tracer.stage("calibrate", traces):
            calibrated = self._calibrated(journeys, pairs, finished)
        with self.tracer.stage("remember", traces):
            served = [
                self._served(*parts)
                for parts in zip(journeys, pairs, finished, calibrated, strict=True)
            ]
            self._remember(journeys, calibrated, served)
        return served

    def _calibrated(
        self,
        journeys: Sequence[Journey],
        pairs: Sequence[tuple[PreparedTask, RawBand]],
        finished: Sequence[Finished],
    ) -> list[Calibrated]:
        """Learn from the prices that came along, then calibrate every band."""
        self.calibrator.learn_from([prepared for prepared, _ in pairs])
        answers = [
            RawAnswer(way.prepared, way.route.target.model, done.values)
            for way, done in zip(journeys, finished, strict=True)
        ]
        return self.calibrator.calibrate(answers)

    def _served(
        self,
        way: Journey,
        pair: tuple[PreparedTask, RawBand],
        done: Finished,
        calibrated: Calibrated,
    ) -> ServedForecast:
        now_s, (prepared, band) = self.clock(), pair
        return ServedForecast(
            prepared.task,
            at_levels(calibrated.values, prepared),
            at_levels(done.values, prepared),
            calibrated.certificate,
            self._provenance(way, band, done),
            (now_s - way.started_s) * 1_000,
            now_s,
        )

    def _remember(
        self,
        journeys: Sequence[Journey],
        calibrated: Sequence[Calibrated],
        served: Sequence[ServedForecast],
    ) -> None:
        """Let the answers, and their shadows, wait for what becomes of them."""
        out = [
            Served(
                way.prepared,
                band,
                answer.raw_values,
                answer.values,
                answer.provenance.forecast_id,
                answer.provenance.runtime,
                answer.provenance.fallback_reason,
                is_shadow=False,
            )
            for way, band, answer in zip(journeys, calibrated, served, strict=True)
        ]
        rivals = [way.route.baseline.model for way in journeys]
        explored = [
            Shadow(one, way.aside.target.rung, way.aside.target.model, way.aside.band)
            for way, one in zip(journeys, out, strict=True)
            if way.aside is not None
        ]
        shadows = self.shadowing.beside(out, rivals, explored)
        self.calibrator.remember([*out, *shadows])

    def _arrive(
        self, journeys: Sequence[Journey]
    ) -> list[tuple[PreparedTask, RawBand]]:
        """Return the band of each journey, a baseline's where it has none yet."""
        left = [way for way in journeys if way.band is None]
        bands = self.baselines.predict(
            [way.route.target.model.name for way in left],
            [way.prepared for way in left],
        )
        rest = iter(bands)
        return [(way.prepared, way.band or next(rest)) for way in journeys]

    def _provenance(self, way: Journey, band: RawBand, done: Finished) -> Provenance:
        target, task = way.route.target, way.prepared.task
        return Provenance(
            forecast_id=self.new_id(),
            runtime=target.rung,
            model_name=target.model.name,
            model_version=target.model.revision,
            license_tag=target.model.license_tag,
            input_length=way.prepared.context.size,
            missing_ratio=way.prepared.missing_ratio,
            quantile_source=band.sources,
            route=way.route.steps,
            fallback_reason=way.route.fallback_reason,
            warnings=(*band.warnings, *_closing(task), *done.warnings),
            batch_size=band.batch_size,
            breaker_state=self._breaker_state(way.first_model),
            n_crossings=done.n_crossings,
            policy_number=way.route.policy_number,
        )

    def _breaker_state(self, target: Target | None) -> BreakerState | None:
        line = None if target is None else self.lines.get(target.rung)
        if target is None or line is None:
            return None
        return line.breaker_state(target.model.family)


def _closing(task: ForecastTask) -> tuple[str, ...]:
    """Warn of a market that closes before the last step is reached."""
    closes_at = task.facts.closes_at
    if closes_at is None or closes_at > task.step_times[-1]:
        return ()
    return ("market_closed" if closes_at <= task.cutoff else "closes_within_horizon",)
