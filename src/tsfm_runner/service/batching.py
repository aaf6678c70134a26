"""Join series that wait for the same model in one call, without any timer."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from tsfm_runner.domain.forecast import ModelCall, ModelSeries, QuantileForecast
from tsfm_runner.errors import (
    DeadlinePassedError,
    ForecastRuntimeError,
    RuntimeRefusedError,
)
from tsfm_runner.ports import Clock
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.deadline import Deadline

# When every request at work waits for a runtime, so many turns of the loop are left
# for those that the end of a call has set free and that ask again at once.
_QUIET_TURNS = 20

# An answer for one series, and how many series were in its call.
Answer = tuple[QuantileForecast | ForecastRuntimeError, int]


@dataclass(frozen=True, slots=True)
class Question:
    """What series must share to go in one call.

    ``params`` is the canonical text of the call's parameters; ``max_series`` is
    what the model itself can take.
    """

    model_name: str
    family: str
    step_s: int
    horizon: int
    quantile_levels: tuple[float, ...]
    params: bytes
    max_series: int | None


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes in one call, how many go at a time, and how often one splits.

    A free call waits up to ``max_settling_s`` for requests that are at work already.
    """

    max_series: int
    max_points: int
    max_calls_in_flight: int
    max_split_calls: int
    max_settling_s: float


@dataclass(slots=True, eq=False)
class _Group:
    """Series of one request, answered together when the last of them is."""

    answers: list[Answer | None]
    n_left: int
    done: asyncio.Future[list[Answer]]

    def fill(self, place: int, answer: Answer) -> None:
        if self.done.done() or self.answers[place] is not None:
            return
        self.answers[place] = answer
        self.n_left -= 1
        if self.n_left == 0:
            self.done.set_result([one for one in self.answers if one is not None])

    def fail(self, failure: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(failure)

    def give_up(self) -> None:
        """Answer what is still open with the end of the request's time."""
        late: Answer = (DeadlinePassedError("no answer came in time"), 1)
        for place in range(len(self.answers)):
            self.fill(place, late)


@dataclass(slots=True, eq=False)
class _Waiting:
    """One series that waits for its call."""

    group: _Group
    place: int
    series: ModelSeries
    deadline: Deadline
    since_s: float


@dataclass(slots=True, eq=False)
class _Lane:
    """The calls of one model family: what waits, by question, and what is out."""

    queues: dict[Question, list[tuple[float, int, _Waiting, ModelCall]]] = field(
        default_factory=dict
    )
    n_out: int = 0
    is_settling: bool = False
    settling_since_s: float = 0.0
    n_quiet_turns: int = 0


class Batcher:
    """Sends what waits for a runtime as soon as it takes another call.

    While fewer calls of a model family are out than the limit, whatever waits
    leaves as soon as the event loop brings nothing more to go along: at once, when
    one request comes alone, and with all the others that the end of a call has set
    free. While the limit is reached, what is submitted waits and leaves together in
    the next call. Those with the earliest deadline leave first.
    """

    def __init__(
        self,
        line: RuntimeLine,
        limits: BatchLimits,
        clock: Clock,
        activity: Activity,
        tell: Callable[[Sequence[float]], None],
    ) -> None:
        """Send calls along ``line``; ``tell`` hears how long each batch waited."""
        self._line = line
        self._activity = activity
        self._limits = limits
        self._clock = clock
        self._tell = tell
        self._lanes: dict[str, _Lane] = {}
        self._numbers = count()
        self._calls: set[asyncio.Task[None]] = set()
        self._groups: set[_Group] = set()

    async def ask(
        self, question: Question, call: ModelCall, deadline: Deadline
    ) -> list[Answer]:
        """Return the answer to each series of the call, in order.

        What is not answered when the deadline passes has that as its answer.
        """
        loop = asyncio.get_running_loop()
        n_series = len(call.series)
        group = _Group([None] * n_series, n_series, loop.create_future())
        self._groups.add(group)
        timer = loop.call_later(max(0.0, deadline.remaining_s()), group.give_up)
        lane = self._lanes.setdefault(question.family, _Lane())
        queue = lane.queues.setdefault(question, [])
        now_s = self._clock()
        for place, series in enumerate(call.series):
            waiting = _Waiting(group, place, series, deadline, now_s)
            entry = (deadline.expires_at_s, next(self._numbers), waiting, call)
            heapq.heappush(queue, entry)
        self._settle(lane)
        try:
            return await group.done
        finally:
            timer.cancel()
            self._groups.discard(group)

    def give_up(self) -> None:
        """Answer all that waits with the end of its time: the process is stopping."""
        for group in tuple(self._groups):
            group.give_up()

    def _settle(self, lane: _Lane) -> None:
        """Let calls leave once no request is on its way here any more."""
        lane.n_quiet_turns = 0
        if not lane.is_settling:
            lane.is_settling = True
            lane.settling_since_s = self._clock()
            asyncio.get_running_loop().call_soon(self._turn, lane)

    def _turn(self, lane: _Lane) -> None:
        lane.n_quiet_turns = 0 if self._activity.n_busy else lane.n_quiet_turns + 1
        settling_s = self._clock() - lane.settling_since_s
        is_full = lane.n_out >= self._limits.max_calls_in_flight
        if (
            is_full
            or lane.n_quiet_turns > _QUIET_TURNS
            or settling_s > self._limits.max_settling_s
        ):
            lane.is_settling = False
            self._leave(lane)
        else:
            asyncio.get_running_loop().call_soon(self._turn, lane)

    def _leave(self, lane: _Lane) -> None:
        """Send calls until nothing waits or the limit is reached."""
        while lane.queues and lane.n_out < self._limits.max_calls_in_flight:
            question = min(lane.queues, key=lambda key: lane.queues[key][0][:2])
            batch, call = self._take(lane, question)
            if not batch:
                continue
            lane.n_out += 1
            task = asyncio.create_task(self._send(lane, question, call, batch))
            self._calls.add(task)
            task.add_done_callback(partial(self._ended, batch))

    def _ended(self, batch: Sequence[_Waiting], task: asyncio.Task[None]) -> None:
        """Hand an error of our own to those who wait, or they would wait in vain."""
        self._calls.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            for waiting in batch:
                waiting.group.fail(failure)

    def _take(
        self, lane: _Lane, question: Question
    ) -> tuple[list[_Waiting], ModelCall]:
        """Take from a queue what goes in one call; what nobody waits for is dropped."""
        queue = lane.queues[question]
        batch: list[_Waiting] = []
        n_points = 0
        call = queue[0][3]
        max_series = self._max_series(question)
        while queue and len(batch) < max_series:
            waiting = queue[0][2]
            size = waiting.series.context.size
            if batch and n_points + size > self._limits.max_points:
                break
            heapq.heappop(queue)
            if not waiting.group.done.done():
                batch.append(waiting)
                n_points += size
        if not queue:
            del lane.queues[question]
        return batch, call

    def _max_series(self, question: Question) -> int:
        limit = self._limits.max_series
        if question.max_series is not None:
            limit = min(limit, question.max_series)
        is_normal = self._line.degradation.mode == "normal"
        return limit if is_normal else max(1, limit // 2)

    async def _send(
        self, lane: _Lane, question: Question, call: ModelCall, batch: list[_Waiting]
    ) -> None:
        now_s = self._clock()
        self._tell([now_s - waiting.since_s for waiting in batch])
        last = max((waiting.deadline for waiting in batch), key=_expiry)
        try:
            await self._ask_in_parts(question.family, call, batch, last)
        finally:
            lane.n_out -= 1
            self._settle(lane)

    async def _ask_in_parts(
        self, family: str, call: ModelCall, batch: list[_Waiting], deadline: Deadline
    ) -> None:
        """Fill in the answer for each series, and how many shared its call.

        A call that is refused for its input is halved, and so on, until the bad
        series are alone or the calls for that are used up.
        """
        parts = deque([batch])
        calls_left = self._limits.max_split_calls
        while parts:
            part = parts.popleft()
            series = tuple(waiting.series for waiting in part)
            results: Sequence[QuantileForecast | ForecastRuntimeError]
            try:
                asked = replace(call, series=series)
                results = await self._line.ask(asked, family, deadline)
            except ForecastRuntimeError as failure:
                if _may_be_split(failure, part) and calls_left > 1:
                    calls_left -= 2
                    middle = len(part) // 2
                    parts += (part[:middle], part[middle:])
                    continue
                results = [failure] * len(part)
            for waiting, result in zip(part, results, strict=True):
                waiting.group.fill(waiting.place, (result, len(part)))


def _expiry(deadline: Deadline) -> float:
    return deadline.expires_at_s


def _may_be_split(failure: ForecastRuntimeError, part: Sequence[_Waiting]) -> bool:
    return (
        isinstance(failure, RuntimeRefusedError) and failure.is_input and len(part) > 1
    )
