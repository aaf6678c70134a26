"""Give tasks the answers that were computed lately, are right now, or are anew."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tsfm_runner.domain.asker import NOBODY, Asker
from tsfm_runner.domain.forecast import CacheUse, FallbackReason, ServedForecast
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.ports import Clock, Telemetry, Tracer
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.remembering import Flight, Memory, Outcome, fingerprint
from tsfm_runner.service.rescuing import instead, is_cut_short
from tsfm_runner.service.untraced import UNTRACED


class Occasion(NamedTuple):
    """What the tasks of one request share."""

    started_s: float
    deadline: Deadline
    is_overloaded: bool
    asker: Asker = NOBODY


Compute = Callable[[Sequence[ForecastTask], Occasion], Awaitable[list[Outcome]]]


class Sharing:
    """Computes each question once, however many ask it at the same time or soon."""

    def __init__(
        self,
        memory: Memory,
        telemetry: Telemetry,
        activity: Activity,
        clock: Clock,
        *,
        tracer: Tracer = UNTRACED,
    ) -> None:
        """Look answers up in ``memory``."""
        self._tracer = tracer
        self.memory = memory
        self._telemetry = telemetry
        self._activity = activity
        self._clock = clock

    async def outcomes(
        self, tasks: Sequence[ForecastTask], occasion: Occasion, compute: Compute
    ) -> list[Outcome]:
        """Look each task up, compute what is new, wait for what others compute.

        What others computed counts only where it is good enough: not when their
        request went away, had less time than this one, or came when there was no
        room for a model.
        """
        with self._tracer.stage("cache", (occasion.asker.traceparent,)):
            found, asked = self._look_up(tasks, occasion)
        while asked:
            flights = {key: self.memory.flight(key) for key in asked}
            answers = await self._lead(asked, occasion, compute)
            others = {
                key: flight
                for key, flight in flights.items()
                if flight is not None and key not in answers
            }
            answers |= await self._follow(others, occasion)
            for key, answer in answers.items():
                rescued = self._rescued(key, answer, occasion)
                found |= dict.fromkeys(asked.pop(key)[1], rescued)
        return [found[place] for place in range(len(tasks))]

    def _look_up(
        self, tasks: Sequence[ForecastTask], occasion: Occasion
    ) -> tuple[dict[int, Outcome], dict[bytes, tuple[ForecastTask, list[int]]]]:
        """Return what is kept, by place, and what is not, by its fingerprint."""
        found: dict[int, Outcome] = {}
        asked: dict[bytes, tuple[ForecastTask, list[int]]] = {}
        for place, task in enumerate(tasks):
            key = fingerprint(task)
            kept = self.memory.fresh(key)
            if kept is not None:
                found[place] = self.hit(kept, occasion.started_s)
                continue
            is_new = key not in asked and self.memory.flight(key) is None
            self._telemetry.cache_used("miss" if is_new else "join")
            asked.setdefault(key, (task, []))[1].append(place)
        return found, asked

    def hit(self, kept: ServedForecast, started_s: float) -> ServedForecast:
        """Return a kept answer as it is served to a request that began then."""
        self._telemetry.cache_used("hit")
        now_s = self._clock()
        return ServedForecast(
            kept.task,
            kept.values,
            kept.raw_values,
            kept.certificate,
            kept.provenance,
            (now_s - started_s) * 1_000,
            kept.computed_at_s,
            CacheUse(now_s - kept.computed_at_s, is_stale=False),
        )

    async def _lead(
        self,
        asked: Mapping[bytes, tuple[ForecastTask, list[int]]],
        occasion: Occasion,
        compute: Compute,
    ) -> dict[bytes, Outcome]:
        """Compute what nobody computes yet, for us and for all who ask meanwhile.

        When no time is left for waiting, all of it: baselines take next to none.
        """
        is_late = occasion.deadline.remaining_s() <= 0
        keys = [key for key in asked if is_late or self.memory.flight(key) is None]
        if not keys:
            return {}
        flights = {
            key: self.memory.take_off(key)
            for key in keys
            if self.memory.flight(key) is None
        }
        try:
            answers = await compute([asked[key][0] for key in keys], occasion)
            computed = dict(zip(keys, answers, strict=True))
            for key, flight in flights.items():
                answer = computed[key]
                flight.set_result(answer)
                if isinstance(answer, ServedForecast):
                    self.memory.keep(key, answer)
        finally:
            for key in flights:
                self.memory.land(key)
        return computed

    async def _follow(
        self, flights: Mapping[bytes, Flight], occasion: Occasion
    ) -> dict[bytes, Outcome]:
        """Return what others have computed by the deadline, where it is good enough."""
        if not flights:
            return {}
        with self._activity.waiting():
            remaining_s = max(0, occasion.deadline.remaining_s())
            await asyncio.wait(flights.values(), timeout=remaining_s)
        latency_ms = (self._clock() - occasion.started_s) * 1_000
        landed: dict[bytes, Outcome] = {}
        for key, flight in flights.items():
            if flight.done() and not flight.cancelled():
                answer = flight.result()
                if isinstance(answer, ServedForecast):
                    if is_cut_short(answer):
                        continue
                    answer = replace(answer, latency_ms=latency_ms)
                landed[key] = answer
        return landed

    def _rescued(self, key: bytes, answer: Outcome, occasion: Occasion) -> Outcome:
        """Return an older answer of the model where one was kept and it failed now."""
        if not isinstance(answer, ServedForecast):
            return answer
        reason = answer.provenance.fallback_reason
        if reason is None or reason.is_lasting:
            return answer
        kept = self.memory.fresh(key)
        if kept is not None:
            return self.hit(kept, occasion.started_s)
        kept = self.memory.stale(key)
        if kept is None or reason is FallbackReason.OVERLOADED:
            return answer
        self._telemetry.cache_used("stale")
        return instead(answer, kept, age_s=self.memory.age_s(kept))
