"""The desk where bodies are taken in and answers handed out, one or many alike."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from starlette.types import Scope

from tsfm_runner.api.decode import parse_json
from tsfm_runner.api.problems import Problem
from tsfm_runner.api.translate import read_lean_task, read_task, refusal_problem
from tsfm_runner.api.writing import Written, whole, write
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.ports import Cache, Clock, Tracer
from tsfm_runner.service.forecasting import ForecastService, Outcome
from tsfm_runner.service.remembering import Memory
from tsfm_runner.service.untraced import UNTRACED

# Objects around the bytes of a written answer, rounded up.
_OVERHEAD_BYTES = 4_000


class Reading(NamedTuple):
    """A body, and what it stands for: an answer that was given, a task, a problem.

    ``found`` is None until the body has been read.
    """

    body: bytes
    found: Written | ForecastTask | Problem | None

    @property
    def task(self) -> ForecastTask | None:
        """The task that it asks for, be it answered already; None for a problem."""
        if isinstance(self.found, Written):
            return self.found.served.task
        return self.found if isinstance(self.found, ForecastTask) else None


class Visit(NamedTuple):
    """What the bodies of one HTTP request share."""

    request_id: str
    is_overloaded: bool
    deadline_s: float
    started_s: float
    traceparent: str = ""


class Desk:
    """Reads bodies, asks the service, writes answers; keeps those written lately."""

    def __init__(
        self,
        defaults: TaskConfig,
        written: Cache[Written],
        clock: Clock,
        *,
        tracer: Tracer = UNTRACED,
    ) -> None:
        """Keep written answers in ``written``; requests leave out what is default."""
        self._defaults = defaults
        self._written = written
        self._clock = clock
        self._tracer = tracer

    def visit(self, scope: Scope, *, deadline_s: float) -> Visit:
        """Return what the edge found out about a request."""
        return Visit(
            scope.get("tsfm.request_id", ""),
            scope.get("tsfm.is_overloaded", False),
            deadline_s,
            self._clock(),
            scope.get("tsfm.traceparent", ""),
        )

    def stage(self, name: str, visit: Visit) -> AbstractContextManager[object]:
        """Return a context that is a part of a visit in its trace."""
        return self._tracer.stage(name, (visit.traceparent,))

    def elapsed_s(self, visit: Visit) -> float:
        """Return how long a visit has lasted."""
        return self._clock() - visit.started_s

    def look_up(self, body: bytes, memory: Memory) -> Reading:
        """Return the answer that this very body was given a moment ago, if it was."""
        written = self._written.get(body)
        if written is not None and not memory.is_current(written.served):
            written = None
        return Reading(body, written)

    def read(self, reading: Reading) -> Reading:
        """Return what a body asks for; raise ``ProblemError`` where it is no JSON."""
        body = reading.body
        task = read_lean_task(body, self._defaults)
        if task is None:
            return Reading(body, read_task(parse_json(body), self._defaults))
        return Reading(body, task)

    async def serve(
        self, readings: Sequence[Reading], service: ForecastService, visit: Visit
    ) -> list[bytes | Problem]:
        """Return the bytes of each answer, or its problem, in order."""
        tasks = [one.found for one in readings if isinstance(one.found, ForecastTask)]
        outcomes = iter(
            await service.forecast_many(
                tasks,
                deadline_s=visit.deadline_s,
                request_id=visit.request_id,
                is_overloaded=visit.is_overloaded,
                traceparent=visit.traceparent,
            )
            if tasks
            else ()
        )
        with self.stage("respond", visit):
            return self._answers(readings, outcomes, service, visit)

    def _answers(
        self,
        readings: Sequence[Reading],
        outcomes: Iterator[Outcome],
        service: ForecastService,
        visit: Visit,
    ) -> list[bytes | Problem]:
        answers: list[bytes | Problem] = []
        for reading in readings:
            found = reading.found
            if isinstance(found, Written):
                served = service.serve_again(
                    found.served,
                    started_s=visit.started_s,
                    request_id=visit.request_id,
                )
                answers.append(whole(found.head, served))
            elif isinstance(found, ForecastTask):
                answers.append(self._answer(reading, next(outcomes), service))
            elif isinstance(found, Problem):
                answers.append(found)
        return answers

    def _answer(
        self, reading: Reading, outcome: Outcome, service: ForecastService
    ) -> bytes | Problem:
        if not isinstance(outcome, ServedForecast):
            return refusal_problem(outcome, parse_json(reading.body))
        written = write(outcome)
        fresh_until_s = service.memory.fresh_until_s(outcome)
        if fresh_until_s is not None:
            arrays = outcome.task.n_bytes + 3 * outcome.values.nbytes
            n_bytes = len(reading.body) + len(written.head) + arrays + _OVERHEAD_BYTES
            self._written.put(
                reading.body, written, n_bytes=n_bytes, expires_at_s=fresh_until_s
            )
        return whole(written.head, outcome)
