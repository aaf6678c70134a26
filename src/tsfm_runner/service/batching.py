"""Join series that wait for the same model in one call, without any timer."""

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeRefusedError,
)
from tsfm_runner.ports import Clock
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.groups import Answer, Group, Question, Waiting, too_late

# So many turns of the loop without a new request are quiet.
_QUIET_TURNS = 20
# How much of what is usual for a call the last one changes.
_LEARNED_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes in one call, how many go at a time, and how often one splits."""

    max_series: int
    max_points: int
    max_calls_in_flight: int
    max_split_calls: int


@dataclass(slots=True, eq=False)
class _Lane:
    """The calls of one model family: what waits, by question, and what is out."""

    queues: dict[Question, list[tuple[float, int, Waiting, ModelCall]]] = field(
        default_factory=dict
    )
    out: set["_Out"] = field(default_factory=set)
    is_leaving: bool = False
    n_turns_left: int = 0
    usual_s: float | None = None


@dataclass(slots=True, eq=False)
class _Out:
    """One call that is out: how much it carries, how urgent it is, since when."""

    lane: _Lane
    n_series: int
    expires_at_s: float
    since_s: float
    is_answered: bool = False


class Batcher:
    """Sends what waits for a runtime as soon as it takes another call.

    While no call of a model family is out, whatever waits leaves at once, together
    with all that was submitted in the same turn of the event loop. While calls are
    out, but fewer than the limit, another leaves when it is full, when it is more
    urgent, when one of them takes far longer than usual, or when it carries at least
    half as much and nobody is at work who could still come along: where a runtime
    works on one call at a time, smaller ones would only multiply what each call
    costs. All else waits, and leaves with the end of a call. Those with the earliest
    deadline leave first.
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
        self._groups: set[Group] = set()
        self._has_given_up = False
        activity.when_idle(self._wake_all)

    async def ask(
        self, question: Question, call: ModelCall, deadline: Deadline
    ) -> list[Answer]:
        """Return the answer to each series of the call, in order.

        What is not answered when the deadline passes has that as its answer.
        """
        n_series = len(call.series)
        if self._has_given_up:
            return [too_late()] * n_series
        loop = asyncio.get_running_loop()
        group = Group([None] * n_series, n_series, loop.create_future())
        self._groups.add(group)
        timer = loop.call_later(max(0.0, deadline.remaining_s()), group.give_up)
        lane = self._lanes.setdefault(question.family, _Lane())
        queue = lane.queues.setdefault(question, [])
        now_s = self._clock()
        for place, series in enumerate(call.series):
            waiting = Waiting(group, place, series, deadline, now_s)
            entry = (deadline.expires_at_s, next(self._numbers), waiting, call)
            heapq.heappush(queue, entry)
        self._wake(lane)
        try:
            return await group.done
        finally:
            timer.cancel()
            self._groups.discard(group)

    def give_up(self) -> None:
        """Answer all that waits, now or later, as if its time were over: we stop."""
        self._has_given_up = True
        for group in tuple(self._groups):
            group.give_up()

    def _wake_all(self) -> None:
        for lane in self._lanes.values():
            if lane.queues:
                self._wake(lane)

    def _wake(self, lane: _Lane) -> None:
        """Look, in the next turn of the loop, at what may leave."""
        if not lane.is_leaving:
            lane.is_leaving = True
            asyncio.get_running_loop().call_soon(self._leave, lane)

    def _leave(self, lane: _Lane, *, is_quiet: bool = False) -> None:
        """Send calls until nothing may leave any more."""
        lane.is_leaving = False
        while lane.queues and len(lane.out) < self._limits.max_calls_in_flight:
            question = min(lane.queues, key=lambda key: lane.queues[key][0][:2])
            if lane.out and not self._may_overlap(lane, question, is_quiet=is_quiet):
                return
            batch, call = self._take(lane, question)
            if not batch:
                continue
            urgency_s = batch[0].deadline.expires_at_s
            out = _Out(lane, len(batch), urgency_s, self._clock())
            lane.out.add(out)
            task = asyncio.create_task(self._send(out, question.family, call, batch))
            self._calls.add(task)
            task.add_done_callback(partial(self._ended, batch))

    def _may_overlap(self, lane: _Lane, question: Question, *, is_quiet: bool) -> bool:
        """Return whether the next call may leave although others are out."""
        queue = lane.queues[question]
        is_full = len(queue) >= self._max_series(question)
        is_urgent = queue[0][0] < min(out.expires_at_s for out in lane.out)
        oldest_s = min(out.since_s for out in lane.out)
        # A call that hangs must not hold up those who have room beside it.
        is_late = self._clock() - oldest_s > 2 * (lane.usual_s or math.inf)
        if is_full or is_urgent or is_late:
            return True
        is_large = 2 * len(queue) >= max(out.n_series for out in lane.out)
        if is_large and not is_quiet:
            self._listen(lane)
        return is_large and is_quiet

    def _listen(self, lane: _Lane) -> None:
        """Let the loop turn a few times: who was just answered may ask again."""
        if lane.n_turns_left == 0 and self._activity.is_idle:
            lane.n_turns_left = _QUIET_TURNS
            asyncio.get_running_loop().call_soon(self._turn, lane)

    def _turn(self, lane: _Lane) -> None:
        if not self._activity.is_idle:
            lane.n_turns_left = 0  # it is woken when all of them wait
            return
        lane.n_turns_left -= 1
        if lane.n_turns_left:
            asyncio.get_running_loop().call_soon(self._turn, lane)
        else:
            self._leave(lane, is_quiet=True)

    def _ended(self, batch: Sequence[Waiting], task: asyncio.Task[None]) -> None:
        """Hand an error of our own to those who wait, or they would wait in vain."""
        self._calls.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            for waiting in batch:
                waiting.group.fail(failure)

    def _take(self, lane: _Lane, question: Question) -> tuple[list[Waiting], ModelCall]:
        """Take from a queue what goes in one call; what nobody waits for is dropped."""
        queue = lane.queues[question]
        batch: list[Waiting] = []
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
        self, out: _Out, family: str, call: ModelCall, batch: list[Waiting]
    ) -> None:
        try:
            self._tell([out.since_s - waiting.since_s for waiting in batch])
            await self._ask_in_parts(out, family, call, batch)
        finally:
            self._free(out)

    def _free(self, out: _Out) -> None:
        """Let the next call leave in place of one that has ended."""
        lane = out.lane
        if out not in lane.out:
            return
        lane.out.discard(out)
        if out.is_answered:
            took_s = self._clock() - out.since_s
            usual_s = took_s if lane.usual_s is None else lane.usual_s
            lane.usual_s = usual_s + _LEARNED_SHARE * (took_s - usual_s)
        if lane.out:
            self._wake(lane)  # those who are answered now may ask again at once
        else:
            self._leave(lane)

    async def _ask_in_parts(
        self, out: _Out, family: str, call: ModelCall, batch: list[Waiting]
    ) -> None:
        """Fill in the answer for each series, and how many shared its call.

        A call that is refused for its input is halved, and so on, until the bad
        series are alone or the calls for that are used up.
        """
        deadline = max((waiting.deadline for waiting in batch), key=_expiry)
        parts = deque([batch])
        calls_left = self._limits.max_split_calls
        while parts:
            part = parts.popleft()
            series = tuple(waiting.series for waiting in part)
            results: Sequence[QuantileForecast | ForecastRuntimeError]
            try:
                asked = replace(call, series=series)
                results = await self._line.ask(asked, family, deadline)
                out.is_answered = True
            except ForecastRuntimeError as failure:
                if _may_be_split(failure, part) and calls_left > 1:
                    calls_left -= 2
                    middle = len(part) // 2
                    parts += (part[:middle], part[middle:])
                    out.n_series = len(part) - middle  # others may go beside less
                    self._wake(out.lane)
                    continue
                results = [failure] * len(part)
            if not parts and len(out.lane.out) == 1:
                # The runtime need not wait until all have read their answers.
                self._free(out)
            for waiting, result in zip(part, results, strict=True):
                waiting.group.fill(waiting.place, (result, len(part)))


def _expiry(deadline: Deadline) -> float:
    return deadline.expires_at_s


def _may_be_split(failure: ForecastRuntimeError, part: Sequence[Waiting]) -> bool:
    return (
        isinstance(failure, RuntimeRefusedError) and failure.is_input and len(part) > 1
    )
