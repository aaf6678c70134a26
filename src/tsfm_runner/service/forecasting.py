"""The main use case: tasks in, served forecasts out, whatever a model does."""

import asyncio
from collections.abc import Mapping, Sequence

from tsfm_runner.config import Settings
from tsfm_runner.domain.asker import Asker
from tsfm_runner.domain.forecast import (
    FallbackReason,
    Rung,
    ServedForecast,
)
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.errors import InvalidTaskError, ModelNotAllowedError
from tsfm_runner.ports import Telemetry
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.completing import Completer, Journey
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.grouping import chunks, grouped
from tsfm_runner.service.joining import Joiner
from tsfm_runner.service.predicting import Predictor
from tsfm_runner.service.preparing import PreparedTask, prepare_many
from tsfm_runner.service.remembering import (
    Memory,
    Outcome,
    Refusal,
)
from tsfm_runner.service.routing import Router
from tsfm_runner.service.sharing import Occasion, Sharing
from tsfm_runner.service.verdict.policy import Outlook, Policy

__all__ = ["ForecastService", "Outcome", "Refusal"]


# More markets than this gain little from being computed together, and hold up others.
_MAX_TOGETHER = 64


class ForecastService:
    """Turns tasks into bands. One task is a batch of one."""

    def __init__(  # noqa: PLR0913 - one argument a collaborator
        self,
        settings: Settings,
        *,
        router: Router,
        policy: Policy,
        predictors: Mapping[Rung, Predictor],
        completer: Completer,
        memory: Memory,
        activity: Activity,
        telemetry: Telemetry,
        board: Board,
    ) -> None:
        """Take everything that is needed on the way of a task."""
        self.settings = settings
        self.router = router
        self.policy = policy
        self.predictors = predictors
        self.completer = completer
        self.memory = memory
        self._activity = activity
        self._tracer = completer.tracer
        self._sharing = Sharing(
            memory, telemetry, activity, completer.clock, tracer=self._tracer
        )
        self.telemetry = telemetry
        self._board = board
        self._clock = completer.clock
        self._begin_together = Joiner(self._begin, max_items=_MAX_TOGETHER)
        self._complete_together = Joiner(completer.complete, max_items=_MAX_TOGETHER)

    async def forecast_many(
        self,
        tasks: Sequence[ForecastTask],
        *,
        deadline_s: float,
        request_id: str = "",
        is_overloaded: bool = False,
        traceparent: str = "",
    ) -> list[Outcome]:
        """Return, for each task in order, its answer or why it was refused.

        A failing model is never a refusal: a baseline answers in its place and
        the provenance says so. No task's fault changes another's answer. With
        ``is_overloaded`` no model is asked.
        """
        started_s = self._clock()
        deadline = Deadline(self._clock, started_s + deadline_s)
        asker = Asker(request_id, traceparent)
        occasion = Occasion(started_s, deadline, is_overloaded, asker)
        with self._activity.working():
            outcomes = await self._sharing.outcomes(tasks, occasion, self._compute)
        is_alone = len(tasks) == 1
        for outcome in outcomes:
            if isinstance(outcome, ServedForecast):
                self.telemetry.forecast_served(
                    outcome, request_id=request_id, is_alone=is_alone
                )
                if outcome.cache is None:
                    self._board.answered(outcome)
        return outcomes

    def serve_again(
        self, kept: ServedForecast, *, started_s: float, request_id: str
    ) -> ServedForecast:
        """Return an answer that the edge kept in its written form, as a hit."""
        served = self._sharing.hit(kept, started_s)
        self.telemetry.forecast_served(served, request_id=request_id, is_alone=True)
        return served

    async def _compute(
        self, tasks: Sequence[ForecastTask], occasion: Occasion
    ) -> list[Outcome]:
        begun = await self._begin_together([(task, occasion) for task in tasks])
        open_ways = [way for way in begun if isinstance(way, Journey)]
        if not open_ways:
            return [one for one in begun if not isinstance(one, Journey)]
        with self._activity.waiting():
            arrived = await self._ask_models(open_ways, occasion)
        served = iter(await self._complete_together(arrived))
        return [next(served) if isinstance(one, Journey) else one for one in begun]

    def _begin(
        self, asked: Sequence[tuple[ForecastTask, Occasion]]
    ) -> list[Journey | Outcome]:
        """Prepare and route; those who meet no model on their way arrive at once."""
        return [
            one
            for part in chunks(asked, _MAX_TOGETHER)
            for one in self._begin_part(part)
        ]

    def _begin_part(
        self, asked: Sequence[tuple[ForecastTask, Occasion]]
    ) -> list[Journey | Outcome]:
        traces = [occasion.asker.traceparent for _, occasion in asked]
        with self._tracer.stage("prepare", traces):
            prepared = prepare_many(
                [task for task, _ in asked], self.settings.preparation
            )
        with self._tracer.stage("route", traces):
            outlooks = self.policy.outlooks(prepared)
            begun: list[Journey | Outcome] = [
                self._set_out(one, outlook, occasion)
                for (_, occasion), one, outlook in zip(
                    asked, prepared, outlooks, strict=True
                )
            ]
        closed = [
            (place, way)
            for place, way in enumerate(begun)
            if isinstance(way, Journey) and not way.is_open
        ]
        served = self.completer.complete([way for _, way in closed])
        for (place, _), answer in zip(closed, served, strict=True):
            begun[place] = answer
        return begun

    def _set_out(
        self, prepared: PreparedTask, outlook: Outlook, occasion: Occasion
    ) -> Journey | Refusal:
        try:
            route = self.router.plan(prepared, outlook)
        except (InvalidTaskError, ModelNotAllowedError) as refusal:
            return refusal
        first = None if route.target.rung == "baseline" else route.target
        way = Journey(prepared, route, first, occasion.started_s, asker=occasion.asker)
        if occasion.is_overloaded:
            return way.without_models(FallbackReason.OVERLOADED)
        return way

    async def _ask_models(
        self, journeys: Sequence[Journey], occasion: Occasion
    ) -> list[Journey]:
        """Return the journeys after each has met the models on its way."""
        current = list(journeys)

        async def ask(places: Sequence[int]) -> None:
            target = current[places[0]].route.asked
            tasks = [current[place].prepared for place in places]
            with self._tracer.span(
                f"predict {target.rung}", parent=occasion.asker.traceparent
            ) as span:
                asker = occasion.asker._replace(traceparent=span.traceparent)
                answers = await self.predictors[target.rung].predict(
                    target.model, tasks, deadline=occasion.deadline, asker=asker
                )
            for place, answer in zip(places, answers, strict=True):
                current[place] = current[place].answered(answer)

        while any(journey.is_open for journey in current):
            groups = [
                places
                for target, places, _ in grouped(current, _next_target)
                if target is not None
            ]
            if len(groups) == 1:
                await ask(groups[0])
            else:
                async with asyncio.TaskGroup() as calls:
                    for places in groups:
                        calls.create_task(ask(places))
        return current


def _next_target(journey: Journey) -> object:
    """Return the model that this journey meets next, or None when it has its band."""
    return journey.route.asked if journey.is_open else None
