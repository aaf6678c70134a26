import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import Answers, FakeClock, FakeRuntime, FakeTelemetry, flat_answers
from tests.service.builders import CUTOFF, QUICK, predictor

from tsfm_runner.config import (
    DegradationConfig,
    ResilienceConfig,
    Settings,
    TollamaConfig,
)
from tsfm_runner.domain.forecast import ModelCall, ModelSeries, QuantileForecast
from tsfm_runner.errors import (
    DeadlinePassedError,
    RuntimeRefusedError,
    RuntimeUnavailableError,
)
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.batching import Batcher
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.groups import Answer, Question


def limits(
    *,
    max_series: int = 64,
    max_points: int = 100_000,
    max_calls: int = 1,
    max_split_calls: int = 32,
) -> Settings:
    """Return settings with these limits; by default one call at a time."""
    resilience = ResilienceConfig(
        backoff_s=1e-6,
        max_retries=0,
        max_calls_in_flight=max_calls,
        max_split_calls=max_split_calls,
    )
    tollama = TollamaConfig(
        max_series_per_call=max_series, max_points_per_call=max_points
    )
    return Settings(resilience=resilience, tollama=tollama)


class Rig:
    """A batcher before a runtime that answers each call when it is let go."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        is_held: bool = True,
        answers: Callable[[ModelCall], Answers] = flat_answers,
    ) -> None:
        self.clock = FakeClock()
        self.telemetry = FakeTelemetry()
        self.gate = asyncio.Semaphore(0)
        self.activity = Activity()
        self.runtime = FakeRuntime(answers, gate=self.gate if is_held else None)
        asker = predictor(
            self.runtime,
            settings or limits(),
            clock=self.clock,
            activity=self.activity,
            telemetry=self.telemetry,
        )
        self.line, self.batcher = asker.line, asker.batcher

    @property
    def sent(self) -> list[list[str]]:
        """The series of each call, by name."""
        return [[one.market_id for one in call.series] for call in self.runtime.calls]

    def ask(
        self,
        *names: str,
        time_s: float = 2.5,
        **fields: Any,  # noqa: ANN401
    ) -> asyncio.Task[list[Answer]]:
        deadline = Deadline(self.clock, self.clock() + time_s)
        return asyncio.create_task(ask(self.batcher, names, deadline, **fields))

    async def let_go(self) -> None:
        """Let the runtime answer one call, and what follows from it happen."""
        self.gate.release()
        await settled()


async def settled() -> None:
    """Wait until nothing happens any more unless a call is answered."""
    for _ in range(100):
        await asyncio.sleep(0)


async def ask(  # noqa: PLR0913 - a test names what it changes
    batcher: Batcher,
    names: Sequence[str],
    deadline: Deadline,
    *,
    model: str = "chronos2",
    family: str = "torch",
    n_points: int = 2,
    max_series: int | None = None,
) -> list[Answer]:
    series = tuple(
        ModelSeries(name, CUTOFF, np.linspace(0, 1, n_points), {}, {}) for name in names
    )
    question = Question(model, family, 300, 1, (0.1, 0.9), b"", max_series)
    call = ModelCall(model, 300, 1, (0.1, 0.9), {}, series)
    return await batcher.ask(question, call, deadline)


def is_answered(answer: Answer) -> bool:
    return isinstance(answer[0], QuantileForecast)


def refusing(*bad: str) -> Callable[[ModelCall], Answers]:
    """Return the answers of one that refuses each call with one of these series."""

    def answer(call: ModelCall) -> Answers:
        if {series.market_id for series in call.series} & set(bad):
            raise RuntimeRefusedError("FORECAST_ERROR", is_input=True)
        return flat_answers(call)

    return answer


async def ask_alone(
    runtime: FakeRuntime, names: Sequence[str], settings: Settings | None = None
) -> list[Answer]:
    batcher = predictor(runtime, settings or limits()).batcher
    return await ask(batcher, names, Deadline(FakeClock(), 2.5))


async def test_what_is_asked_leaves_at_once_while_no_call_is_out() -> None:
    rig = Rig()

    with rig.activity.working():  # even while somebody could still come along
        rig.ask("a")
        await settled()
        sent = rig.sent

    assert sent == [["a"]]


async def test_what_is_asked_in_one_turn_leaves_together() -> None:
    rig = Rig(limits(max_calls=2))

    for name in "abc":
        rig.ask(name)
    await settled()

    assert rig.sent == [["a", "b", "c"]]


async def test_what_is_asked_while_no_call_is_free_leaves_together_in_the_next() -> (
    None
):
    rig = Rig()
    for name in "abcd":
        rig.ask(name)
        await settled()

    before = rig.sent
    await rig.let_go()

    assert before == [["a"]]
    assert rig.sent == [["a"], ["b", "c", "d"]]


@pytest.mark.parametrize("max_calls", [1, 2, 3])
async def test_how_many_calls_are_out_at_a_time_is_configurable(max_calls: int) -> None:
    rig = Rig(limits(max_calls=max_calls))

    for name in "abcde":
        rig.ask(name)
        await settled()

    assert len(rig.sent) == max_calls


async def test_by_default_two_calls_are_out_at_a_time() -> None:
    rig = Rig(Settings(resilience=QUICK))

    for name in "abcde":
        rig.ask(name)
        await settled()

    assert rig.sent == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("out", "waiting"), [("a", "b"), ("abcd", "ef"), ("abc", "de")]
)
async def test_half_as_many_as_are_out_leave_beside_them(
    out: str, waiting: str
) -> None:
    rig = Rig(limits(max_calls=2))
    rig.ask(*out)
    await settled()

    rig.ask(*waiting)
    await settled()

    assert rig.sent == [list(out), list(waiting)]


@pytest.mark.parametrize(("out", "waiting"), [("abc", "d"), ("abcd", "e")])
async def test_fewer_than_half_of_what_is_out_leave_with_its_end(
    out: str, waiting: str
) -> None:
    rig = Rig(limits(max_calls=2))
    rig.ask(*out)
    await settled()

    rig.ask(*waiting)
    await settled()
    before = rig.sent
    await rig.let_go()

    assert before == [list(out)]
    assert rig.sent == [list(out), list(waiting)]


async def test_those_who_come_one_by_one_leave_once_they_are_half_as_many() -> None:
    rig = Rig(limits(max_calls=2))
    rig.ask(*"abcdef")
    await settled()

    n_calls = []
    for name in "xyz":
        rig.ask(name)
        await settled()
        n_calls.append(len(rig.sent))

    assert n_calls == [1, 1, 2]
    assert rig.sent[1] == ["x", "y", "z"]


async def test_of_several_that_are_out_the_largest_counts() -> None:
    rig = Rig(limits(max_calls=3))
    for names in ("abcd", "ef", "g"):
        rig.ask(*names)
        await settled()

    before = rig.sent
    rig.ask("h")
    await settled()

    assert before == [list("abcd"), list("ef")]
    assert rig.sent == [list("abcd"), list("ef"), list("gh")]


async def test_a_large_call_waits_for_who_is_at_work_and_may_join_it() -> None:
    rig = Rig(limits(max_calls=2))
    rig.ask("a")
    await settled()

    with rig.activity.working():
        rig.ask("b")
        await settled()
        before = rig.sent
        rig.ask("c")
    await settled()

    assert before == [["a"]]
    assert rig.sent == [["a"], ["b", "c"]]


async def test_who_was_at_work_and_comes_no_more_lets_a_large_call_leave() -> None:
    rig = Rig(limits(max_calls=2))
    rig.ask("a", family="torch")
    rig.ask("b", family="jax")
    await settled()

    with rig.activity.working():
        rig.ask("c", family="torch")
        rig.ask("d", family="jax")
        await settled()
        before = rig.sent
    await settled()

    assert before == [["a"], ["b"]]
    assert rig.sent == [["a"], ["b"], ["c"], ["d"]]


async def test_who_is_at_work_holds_no_full_call_up() -> None:
    rig = Rig(limits(max_calls=2, max_series=3))
    rig.ask("a")
    await settled()

    with rig.activity.working():
        n_calls = []
        for name in "bcd":
            rig.ask(name)
            await settled()
            n_calls.append(len(rig.sent))

    assert n_calls == [1, 1, 2]


async def test_what_the_model_itself_can_take_is_a_full_call() -> None:
    rig = Rig(limits(max_calls=2))
    rig.ask("a", max_series=2)
    await settled()

    with rig.activity.working():
        rig.ask("b", "c", "d", max_series=2)
        await settled()
        sent = rig.sent

    assert sent == [["a"], ["b", "c"]]


@pytest.mark.parametrize(("time_s", "n_calls"), [(1.9, 2), (2.0, 1), (2.1, 1)])
async def test_only_the_most_urgent_leaves_whoever_is_at_work(
    time_s: float, n_calls: int
) -> None:
    rig = Rig(limits(max_calls=3))
    rig.ask(*"abcd", time_s=2.0)
    await settled()
    rig.ask("e", "f", time_s=3.0)
    await settled()
    n_before = len(rig.sent)

    with rig.activity.working():
        rig.ask("hasty", time_s=time_s)
        await settled()
        n_sent = len(rig.sent)

    assert n_sent - n_before == n_calls - 1


@pytest.mark.parametrize(("time_s", "n_calls"), [(0.5, 2), (0.51, 3)])
async def test_beside_a_call_that_takes_far_longer_than_usual_all_may_leave(
    time_s: float, n_calls: int
) -> None:
    rig = Rig(limits(max_calls=2))
    rig.ask("usual")
    await settled()
    rig.clock.now_s += 0.25
    await rig.let_go()
    rig.ask(*"abcd")
    await settled()

    rig.clock.now_s += time_s
    rig.ask("small")
    await settled()

    assert len(rig.sent) == n_calls


async def test_how_long_a_call_usually_takes_follows_the_last_ones() -> None:
    rig = Rig(limits(max_calls=2))
    for took_s in (0.1, 0.6):  # usually 0.2
        rig.ask("a")
        await settled()
        rig.clock.now_s += took_s
        await rig.let_go()
    rig.ask(*"abcd")
    await settled()

    n_calls = []
    for wait_s in (0.39, 0.02):
        rig.clock.now_s += wait_s
        rig.ask("small")
        await settled()
        n_calls.append(len(rig.sent))

    assert n_calls == [3, 4]


@pytest.mark.parametrize("max_calls", [1, 2])
async def test_neither_full_nor_urgent_calls_go_past_the_limit(max_calls: int) -> None:
    rig = Rig(limits(max_calls=max_calls, max_series=2))

    for number, time_s in enumerate([5, 4, 3, 2]):
        rig.ask(f"a{number}", f"b{number}", time_s=time_s)
        await settled()

    assert len(rig.sent) == max_calls


@pytest.mark.parametrize(
    ("first", "second", "n_calls"), [("abcd", "ef", [3, 3]), ("ef", "abcd", [2, 3])]
)
async def test_the_end_of_a_call_lets_none_leave_that_is_small_beside_what_is_still_out(
    first: str, second: str, n_calls: list[int]
) -> None:
    rig = Rig(limits(max_calls=2))
    for names in (first, second, "g"):
        rig.ask(*names)
        await settled()

    n_sent = []
    for _ in range(2):
        await rig.let_go()
        n_sent.append(len(rig.sent))

    assert n_sent == n_calls


async def test_the_next_call_is_on_its_way_before_anyone_reads_an_answer() -> None:
    rig = Rig()

    async def calls_when_answered() -> list[list[str]]:
        await ask(rig.batcher, "a", Deadline(rig.clock, 2.5))
        return rig.sent

    reading = asyncio.create_task(calls_when_answered())
    await settled()
    rig.ask("b")
    await settled()
    await rig.let_go()

    assert await reading == [["a"], ["b"]]


async def test_a_call_that_is_halved_is_out_until_its_last_half_is_answered() -> None:
    rig = Rig(answers=refusing("b"))
    rig.ask("a", "b")
    await settled()
    rig.ask("c")
    await settled()

    for _ in range(2):
        await rig.let_go()
    before = rig.sent
    await rig.let_go()

    assert before == [["a", "b"], ["a"], ["b"]]
    assert rig.sent == [*before, ["c"]]


async def test_when_nobody_is_at_work_any_more_and_nothing_waits_nothing_happens() -> (
    None
):
    rig = Rig()
    rig.ask("a")
    await settled()
    await rig.let_go()

    with rig.activity.working():
        pass
    await settled()

    assert rig.sent == [["a"]]


async def test_everyone_gets_the_answer_to_their_own_question() -> None:
    rig = Rig(limits(max_calls=2))
    first, second = rig.ask("a", "b"), rig.ask("c")

    await settled()
    await rig.let_go()

    assert [size for _, size in await first] == [3, 3]
    assert [size for _, size in await second] == [3]


async def test_a_call_takes_no_more_series_than_the_settings_say() -> None:
    rig = Rig(limits(max_series=2), is_held=False)

    answers = await rig.ask(*"abcde")

    assert rig.sent == [["a", "b"], ["c", "d"], ["e"]]
    assert [size for _, size in answers] == [2, 2, 2, 2, 1]


async def test_a_call_takes_no_more_series_than_the_model_can() -> None:
    rig = Rig(limits(max_series=4), is_held=False)

    await rig.ask(*"abcde", max_series=3)
    await rig.ask(*"vwxyz", max_series=99)

    assert list(map(len, rig.sent)) == [3, 2, 4, 1]


async def test_a_call_takes_no_more_points_than_the_settings_say() -> None:
    rig = Rig(limits(max_points=30), is_held=False)

    await rig.ask(*"abcde", n_points=10)

    assert rig.sent == [["a", "b", "c"], ["d", "e"]]


async def test_a_series_with_more_points_than_a_call_takes_goes_alone() -> None:
    rig = Rig(limits(max_points=30))
    rig.ask("first")
    await settled()

    rig.ask("short", n_points=10)
    rig.ask("long", n_points=50)
    rig.ask("last", n_points=10)
    for _ in range(3):
        await rig.let_go()

    assert rig.sent == [["first"], ["short"], ["long"], ["last"]]


async def test_those_with_the_earliest_deadline_leave_first() -> None:
    rig = Rig(limits(max_series=2))
    rig.ask("first")
    await settled()

    for name, time_s in [("c", 3), ("a", 1), ("d", 4), ("b", 2)]:
        rig.ask(name, time_s=time_s)
    await settled()
    await rig.let_go()
    await rig.let_go()

    assert rig.sent == [["first"], ["a", "b"], ["c", "d"]]


async def test_with_one_deadline_those_who_came_first_leave_first() -> None:
    rig = Rig(limits(max_series=2))
    rig.ask("first")
    await settled()

    for name in "abcd":
        rig.ask(name)
    await settled()
    await rig.let_go()

    assert rig.sent == [["first"], ["a", "b"]]


async def test_the_question_with_the_earliest_deadline_is_asked_first() -> None:
    rig = Rig()
    rig.ask("first")
    await settled()

    rig.ask("patient", model="toto", time_s=3)
    rig.ask("hasty", model="moirai", time_s=1)
    await settled()
    await rig.let_go()

    assert rig.sent == [["first"], ["hasty"]]
    assert rig.runtime.calls[1].model_name == "moirai"


async def test_one_hasty_caller_does_not_shorten_the_call_of_the_others() -> None:
    rig = Rig()

    rig.ask("hasty", time_s=0.5)
    rig.ask("patient", time_s=2.5)
    await settled()

    assert rig.runtime.timeouts_s == [2.0]


async def test_families_do_not_wait_for_each_other() -> None:
    rig = Rig()

    rig.ask("a", family="torch")
    await settled()
    rig.ask("b", family="torch")
    rig.ask("c", family="jax")
    await settled()

    assert rig.sent == [["a"], ["c"]]


async def test_a_series_that_nobody_waits_for_any_more_is_dropped() -> None:
    rig = Rig()
    rig.ask("first")
    await settled()
    gone = rig.ask("gone")
    rig.ask("stays")
    await settled()

    gone.cancel()
    await settled()
    await rig.let_go()

    assert rig.sent == [["first"], ["stays"]]


async def test_where_nobody_waits_any_more_no_call_is_made() -> None:
    rig = Rig()
    rig.ask("first")
    await settled()
    gone = rig.ask("gone")
    await settled()

    gone.cancel()
    await settled()
    await rig.let_go()
    rig.ask("later")
    await settled()

    assert rig.sent == [["first"], ["later"]]


async def test_who_leaves_during_a_call_harms_nobody_in_it() -> None:
    rig = Rig()
    gone, stays = rig.ask("gone"), rig.ask("stays")
    await settled()

    gone.cancel()
    await settled()
    await rig.let_go()

    assert is_answered((await stays)[0])


async def test_whoever_has_no_answer_by_the_deadline_hears_so() -> None:
    rig = Rig()

    answers = await rig.ask("a", "b", time_s=0.01)
    await rig.let_go()  # what comes now comes too late

    assert [type(answer) for answer, _ in answers] == [DeadlinePassedError] * 2


async def test_at_the_deadline_what_is_answered_already_counts() -> None:
    rig = Rig(limits(max_series=2))
    asking = rig.ask("a", "b", "c", time_s=0.05)

    await settled()
    await rig.let_go()
    first, second, third = await asking

    assert is_answered(first)
    assert is_answered(second)
    assert isinstance(third[0], DeadlinePassedError)


async def test_to_give_up_answers_all_who_wait_at_once() -> None:
    rig = Rig()
    out, waiting = rig.ask("a", time_s=600), rig.ask("b", model="toto", time_s=600)
    await settled()

    rig.batcher.give_up()

    for answers in await asyncio.gather(out, waiting):
        assert [type(answer) for answer, _ in answers] == [DeadlinePassedError]


async def test_who_asks_after_that_is_told_so_at_once() -> None:
    rig = Rig()

    rig.batcher.give_up()
    answers = await rig.ask("a", "b", time_s=600)

    assert [type(answer) for answer, _ in answers] == [DeadlinePassedError] * 2
    assert rig.sent == []


async def test_an_error_of_our_own_is_raised_at_everybody_in_the_call() -> None:
    def answer(_: ModelCall) -> Answers:
        raise ZeroDivisionError

    batcher = predictor(FakeRuntime(answer), limits()).batcher
    deadline = Deadline(FakeClock(), 2.5)

    outcomes = await asyncio.gather(
        ask(batcher, "a", deadline),
        ask(batcher, ["b", "c"], deadline),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 2


async def test_after_an_error_of_our_own_others_still_have_their_turn() -> None:
    left = [ZeroDivisionError]

    def answer(call: ModelCall) -> Answers:
        if left:
            raise left.pop()
        return flat_answers(call)

    batcher = predictor(FakeRuntime(answer), limits(max_series=1)).batcher
    deadline = Deadline(FakeClock(), 2.5)

    failed, well = await asyncio.gather(
        ask(batcher, "a", deadline), ask(batcher, "b", deadline), return_exceptions=True
    )

    assert isinstance(failed, ZeroDivisionError)
    assert isinstance(well, list)
    assert is_answered(well[0])


def test_a_loop_that_ends_takes_the_calls_with_it() -> None:
    async def leave_a_call_out() -> asyncio.Task[list[Answer]]:
        rig = Rig()
        asking = rig.ask("a")
        await settled()
        return asking

    left = asyncio.run(leave_a_call_out())

    assert left.cancelled()


@given(bad=st.sets(st.integers(0, 63), max_size=3))
async def test_halving_finds_exactly_the_bad_series(bad: set[int]) -> None:
    runtime = FakeRuntime(refusing(*map(str, bad)))

    answers = await ask_alone(runtime, list(map(str, range(64))))

    refused = {place for place, one in enumerate(answers) if not is_answered(one)}
    assert refused == bad


async def test_the_search_for_bad_series_is_bounded() -> None:
    names = list(map(str, range(64)))
    runtime = FakeRuntime(refusing(*names))

    answers = await ask_alone(runtime, names, limits(max_split_calls=10))

    assert not any(map(is_answered, answers))
    assert len(runtime.calls) == 11


async def test_each_answer_tells_how_many_series_shared_its_own_call() -> None:
    answers = await ask_alone(FakeRuntime(refusing("d")), "abcd")

    assert [size for _, size in answers] == [2, 2, 1, 1]


async def test_a_refusal_that_no_series_caused_is_not_halved() -> None:
    def answer(_: ModelCall) -> Answers:
        raise RuntimeRefusedError("no key", is_input=False)

    runtime = FakeRuntime(answer)

    answers = await ask_alone(runtime, "abcd")

    assert not any(map(is_answered, answers))
    assert len(runtime.calls) == 1


async def test_a_runtime_that_is_down_is_no_reason_to_halve() -> None:
    def answer(_: ModelCall) -> Answers:
        raise RuntimeUnavailableError("down")

    runtime = FakeRuntime(answer)

    await ask_alone(runtime, "abcd")

    assert len(runtime.calls) == 1


@pytest.mark.parametrize(
    ("max_series", "sizes"), [(8, [4, 4]), (3, [1] * 8), (1, [1] * 8)]
)
async def test_a_degraded_runtime_gets_half_as_many_series_a_call(
    max_series: int, sizes: list[int]
) -> None:
    settings = limits(max_series=max_series).model_copy(
        update={"degradation": DegradationConfig(min_calls=20)}
    )
    rig = Rig(settings, is_held=False)
    degradation = rig.line.degradation
    for is_failure in [False] * 14 + [True] * 6:
        degradation.settle(degradation.admit(), is_failure=is_failure)

    await rig.ask(*"abcdefgh")

    assert rig.telemetry.modes == [("tollama", "degraded")]
    assert list(map(len, rig.sent)) == sizes


async def test_each_batch_that_leaves_tells_how_long_each_series_waited() -> None:
    rig = Rig()

    rig.ask("a")
    await settled()
    rig.ask("b")
    await settled()
    rig.clock.now_s += 0.25
    rig.ask("c")
    await settled()
    rig.clock.now_s += 0.25
    await rig.let_go()

    assert rig.telemetry.batches == [[0.0], [0.5, 0.25]]


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    times_s=st.lists(st.integers(1, 9), min_size=12, max_size=12),
    families=st.lists(st.sampled_from(["torch", "jax"]), min_size=12, max_size=12),
    max_series=st.integers(1, 6),
    max_calls=st.integers(1, 3),
)
async def test_every_series_is_sent_once_and_answered_to_who_asked_for_it(
    sizes: list[int],
    times_s: list[int],
    families: list[str],
    max_series: int,
    max_calls: int,
) -> None:
    def numbered(call: ModelCall) -> Answers:
        return [
            QuantileForecast((), np.array([float(series.market_id)]))
            for series in call.series
        ]

    runtime = FakeRuntime(numbered)
    settings = limits(max_series=max_series, max_calls=max_calls)
    batcher = predictor(runtime, settings).batcher
    groups = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])

    answers = await asyncio.gather(
        *(
            ask(
                batcher,
                [str(number) for number in group],
                Deadline(FakeClock(), time_s),
                family=family,
            )
            for group, time_s, family in zip(groups, times_s, families, strict=False)
        )
    )

    for group, told in zip(groups, answers, strict=True):
        values = [one.values[0] for one, _ in told if isinstance(one, QuantileForecast)]
        assert values == group.tolist()
    sent = [series.market_id for call in runtime.calls for series in call.series]
    assert sorted(map(int, sent)) == list(range(sum(sizes)))
    assert max(len(call.series) for call in runtime.calls) <= max_series


@given(
    script=st.lists(
        st.tuples(st.integers(0, 5), st.integers(60, 69), st.booleans()), max_size=20
    ),
    max_series=st.integers(1, 4),
    max_calls=st.integers(1, 3),
)
async def test_nothing_waits_while_no_call_is_out_and_none_goes_past_the_limit(
    script: list[tuple[int, int, bool]], max_series: int, max_calls: int
) -> None:
    rig = Rig(limits(max_series=max_series, max_calls=max_calls))
    asking: list[asyncio.Task[list[Answer]]] = []
    n_asked = n_let_go = 0

    async def look() -> int:
        """Check what is out against the limit; return how many calls that are."""
        await settled()
        n_out, n_sent = len(rig.sent) - n_let_go, sum(map(len, rig.sent))
        assert n_out <= max_calls
        assert n_out > 0 or n_sent == n_asked
        return n_out

    for n_series, time_s, is_at_work in script:
        if n_series:
            with rig.activity.working() if is_at_work else nullcontext():
                names = [f"m{n_asked + number}" for number in range(n_series)]
                asking.append(rig.ask(*names, time_s=time_s))
                n_asked += n_series
                await look()
        elif await look():
            rig.gate.release()
            n_let_go += 1
    while await look():
        rig.gate.release()
        n_let_go += 1

    answers = [answer for told in await asyncio.gather(*asking) for answer in told]
    assert len(answers) == n_asked
    assert all(map(is_answered, answers))


async def test_those_whom_a_call_set_free_leave_together_in_the_next() -> None:
    rig = Rig()
    first = [rig.ask("a"), rig.ask("b")]
    await settled()

    async def ask_on(after: asyncio.Task[list[Answer]], name: str) -> None:
        await after
        rig.ask(name)

    followers = [
        asyncio.create_task(ask_on(task, name))
        for task, name in zip(first, "cd", strict=True)
    ]
    await settled()
    await rig.let_go()

    assert rig.sent == [["a", "b"], ["c", "d"]]
    await asyncio.gather(*followers)


async def test_nothing_of_what_is_answered_is_held_until_its_deadline() -> None:
    rig = Rig(is_held=False)
    [(answer, _)] = await rig.ask("a", time_s=600)
    assert isinstance(answer, QuantileForecast)
    values = weakref.ref(answer.values)
    await settled()

    del answer
    gc.collect()

    assert values() is None
