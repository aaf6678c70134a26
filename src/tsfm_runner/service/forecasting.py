"""The main use case: tasks in, served forecasts out, whatever a model does."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import (
    FallbackReason,
    Provenance,
    Rung,
    ServedForecast,
)
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.errors import InvalidTaskError, ModelNotAllowedError
from tsfm_runner.ports import Clock
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.finishing import finish
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.predicting import Predictor, RawBand
from tsfm_runner.service.preparing import PreparedTask, prepare
from tsfm_runner.service.routing import Route, Router

Refusal: TypeAlias = InvalidTaskError | ModelNotAllowedError


@dataclass(frozen=True, slots=True, eq=False)
class Journey:
    """One task on its way: what was made of it, where it may go, what it got."""

    prepared: PreparedTask
    route: Route
    band: RawBand | None = None

    @property
    def is_open(self) -> bool:
        """Whether a model is still to be asked."""
        return self.band is None and self.route.target.rung != "baseline"

    def answered(self, answer: RawBand | FallbackReason) -> "Journey":
        """Return the way on: arrived with a band, or one rung further down."""
        if isinstance(answer, RawBand):
            return replace(self, band=answer)
        return replace(self, route=self.route.skip(answer))


@dataclass(frozen=True, slots=True)
class ForecastService:
    """Turns tasks into bands. One task is a batch of one."""

    settings: Settings
    router: Router
    predictors: Mapping[Rung, Predictor]
    baselines: Baselines
    clock: Clock
    new_id: Callable[[], str]

    async def forecast_many(
        self, tasks: Sequence[ForecastTask], *, deadline_s: float
    ) -> list[ServedForecast | Refusal]:
        """Return, for each task in order, its answer or why it was refused.

        A failing model is never a refusal: a baseline answers in its place and
        the provenance says so. No task's fault changes another's answer.
        """
        started_s = self.clock()
        deadline = Deadline(self.clock, started_s + deadline_s)
        starts = [self._start(task) for task in tasks]
        journeys = [start for start in starts if isinstance(start, Journey)]
        arrived = self._descend(await self._ask_models(journeys, deadline))
        served = iter(self._serve(arrived, started_s))
        return [
            next(served) if isinstance(start, Journey) else start for start in starts
        ]

    def _start(self, task: ForecastTask) -> Journey | Refusal:
        try:
            prepared = prepare(task, self.settings.preparation)
            return Journey(prepared, self.router.plan(prepared))
        except (InvalidTaskError, ModelNotAllowedError) as refusal:
            return refusal

    async def _ask_models(
        self, journeys: Sequence[Journey], deadline: Deadline
    ) -> list[Journey]:
        """Return the journeys after each has met the models on its way."""
        current = list(journeys)

        async def ask(places: Sequence[int]) -> None:
            target = current[places[0]].route.target
            tasks = [current[place].prepared for place in places]
            answers = await self.predictors[target.rung].predict(
                target.model, tasks, deadline=deadline
            )
            for place, answer in zip(places, answers, strict=True):
                current[place] = current[place].answered(answer)

        while any(journey.is_open for journey in current):
            async with asyncio.TaskGroup() as calls:
                for target, places, _ in grouped(current, _next_target):
                    if target is not None:
                        calls.create_task(ask(places))
        return current

    def _descend(self, journeys: Sequence[Journey]) -> list[Journey]:
        """Return the journeys with a baseline for each that has no band yet."""
        left = [place for place, way in enumerate(journeys) if way.band is None]
        bands = self.baselines.predict(
            [journeys[place].route.target.model.name for place in left],
            [journeys[place].prepared for place in left],
        )
        arrived = list(journeys)
        for place, band in zip(left, bands, strict=True):
            arrived[place] = arrived[place].answered(band)
        return arrived

    def _serve(
        self, journeys: Sequence[Journey], started_s: float
    ) -> list[ServedForecast]:
        pairs = [(way.prepared, way.band) for way in journeys if way.band is not None]
        finished = finish(pairs, self.settings.band)
        latency_ms = (self.clock() - started_s) * 1_000
        return [
            ServedForecast(
                way.prepared.task,
                values,
                self._provenance(
                    way,
                    band,
                    (*band.warnings, *_closing(way.prepared.task), *warnings),
                    latency_ms,
                ),
            )
            for way, (_, band), (values, warnings) in zip(
                journeys, pairs, finished, strict=True
            )
        ]

    def _provenance(
        self, way: Journey, band: RawBand, warnings: tuple[str, ...], latency_ms: float
    ) -> Provenance:
        target = way.route.target
        return Provenance(
            forecast_id=self.new_id(),
            runtime=target.rung,
            model_name=target.model.name,
            model_version=target.model.revision,
            license_tag=target.model.license_tag,
            latency_ms=latency_ms,
            input_length=way.prepared.context.size,
            missing_ratio=way.prepared.missing_ratio,
            quantile_source=band.sources,
            route=way.route.steps,
            fallback_reason=way.route.fallback_reason,
            warnings=warnings,
            batch_size=band.batch_size,
        )


def _closing(task: ForecastTask) -> tuple[str, ...]:
    """Warn of a market that closes before the last step is reached."""
    closes_at = task.facts.closes_at
    if closes_at is None or closes_at > task.step_times[-1]:
        return ()
    return ("market_closed" if closes_at <= task.cutoff else "closes_within_horizon",)


def _next_target(journey: Journey) -> object:
    """Return the model that this journey meets next, or None when it has its band."""
    return journey.route.target if journey.is_open else None
