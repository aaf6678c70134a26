import asyncio
from itertools import pairwise

import numpy as np
import pytest
from tests.fakes import Answers, FakeClock, FakeRuntime, FakeTelemetry, flat_answers
from tests.service.builders import CUTOFF, QUICK, line

from tsfm_runner.config import (
    BreakerConfig,
    DegradationConfig,
    ResilienceConfig,
    Settings,
)
from tsfm_runner.domain.forecast import ModelCall, ModelSeries
from tsfm_runner.domain.telling import CallError, RuntimeCall
from tsfm_runner.errors import (
    BreakerOpenError,
    DeadlinePassedError,
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeDegradedError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.deadline import Deadline

DOWN = RuntimeUnavailableError("down")
CALL = ModelCall(
    model_name="chronos2",
    step_s=300,
    horizon=2,
    quantile_levels=(0.1, 0.5, 0.9),
    params={},
    series=(ModelSeries("m", CUTOFF, np.array([0.4, 0.5]), {}, {}),),
)
NEVER_OPEN = BreakerConfig(max_failures=99, min_calls=99)


class Script:
    """Fails as told, then answers; each call may take time on the clock."""

    def __init__(
        self,
        *failures: ForecastRuntimeError | None,
        clock: FakeClock | None = None,
        takes_s: float = 0.0,
    ) -> None:
        self.left = list(failures)
        self.clock = clock or FakeClock()
        self.takes_s = takes_s

    def __call__(self, call: ModelCall) -> Answers:
        self.clock.now_s += self.takes_s
        failure = self.left.pop(0) if self.left else None
        if failure is not None:
            raise failure
        return flat_answers(call)


async def ask(
    to_runtime: RuntimeLine, *, time_s: float = 2.5, family: str = "torch"
) -> Answers | ForecastRuntimeError:
    """Ask once; a failure is returned, so that one can ask on."""
    deadline = Deadline(to_runtime.clock, to_runtime.clock() + time_s)
    try:
        return await to_runtime.ask(CALL, family, deadline)
    except ForecastRuntimeError as failure:
        return failure


async def test_the_answers_of_the_runtime_come_back() -> None:
    answers = await ask(line(FakeRuntime()))

    assert isinstance(answers, list)
    assert len(answers) == 1


async def test_an_unavailable_runtime_is_asked_once_more() -> None:
    once, twice = FakeRuntime(Script(DOWN)), FakeRuntime(Script(DOWN, DOWN))

    answers = await ask(line(once))
    failure = await ask(line(twice))

    assert isinstance(answers, list)
    assert failure is DOWN
    assert (len(once.calls), len(twice.calls)) == (2, 2)


@pytest.mark.parametrize("max_retries", [0, 1, 3])
async def test_the_number_of_retries_is_configurable(max_retries: int) -> None:
    settings = Settings(
        resilience=ResilienceConfig(backoff_s=1e-6, max_retries=max_retries),
        breaker=NEVER_OPEN,
    )
    runtime = FakeRuntime(Script(*[DOWN] * 9))

    await ask(line(runtime, settings))

    assert len(runtime.calls) == 1 + max_retries


@pytest.mark.parametrize(
    "failure",
    [
        RuntimeProtocolError("odd"),
        RuntimeOutputError("nan"),
        RuntimeRefusedError("no", is_input=False),
        ModelNotInstalledError("gone"),
    ],
)
async def test_only_an_unavailable_runtime_is_asked_again(
    failure: ForecastRuntimeError,
) -> None:
    runtime = FakeRuntime(Script(failure))

    assert await ask(line(runtime)) is failure
    assert len(runtime.calls) == 1


@pytest.mark.parametrize(("min_attempt_s", "n_calls"), [(0.25, 2), (1.0, 1)])
async def test_no_retry_starts_without_time_for_it(
    min_attempt_s: float, n_calls: int
) -> None:
    clock = FakeClock()
    settings = Settings(
        resilience=ResilienceConfig(backoff_s=1e-6, min_attempt_s=min_attempt_s)
    )
    runtime = FakeRuntime(Script(DOWN, clock=clock, takes_s=2))

    await ask(line(runtime, settings, clock=clock))

    assert len(runtime.calls) == n_calls


async def test_the_longest_pause_counts_before_a_retry() -> None:
    settings = Settings(resilience=ResilienceConfig(backoff_s=0.76))
    runtime = FakeRuntime(Script(DOWN))

    await ask(line(runtime, settings))

    assert len(runtime.calls) == 1


async def test_the_pause_before_a_retry_is_the_backoff_and_up_to_as_much_again() -> (
    None
):
    settings = Settings(
        resilience=ResilienceConfig(backoff_s=0.01, max_retries=5, min_attempt_s=0.01),
        breaker=NEVER_OPEN,
    )
    loop = asyncio.get_running_loop()
    asked_at_s: list[float] = []

    def answer(_: ModelCall) -> Answers:
        asked_at_s.append(loop.time())
        raise DOWN

    await ask(line(FakeRuntime(answer), settings))

    pauses_s = [later - earlier for earlier, later in pairwise(asked_at_s)]
    assert len(pauses_s) == 5
    assert min(pauses_s) >= 0.009
    assert sorted(pauses_s)[2] <= 0.03  # the median, as the host may be slow
    assert len({round(pause_s, 5) for pause_s in pauses_s}) > 1


async def test_a_retry_writes_nothing_where_others_write_their_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await ask(line(FakeRuntime(Script(DOWN))))

    assert capsys.readouterr() == ("", "")


async def test_a_degraded_runtime_is_not_asked_again() -> None:
    settings = Settings(
        resilience=QUICK, breaker=NEVER_OPEN, degradation=DegradationConfig(min_calls=3)
    )
    runtime = FakeRuntime(Script(None, None, DOWN))
    telemetry = FakeTelemetry()
    to_runtime = line(runtime, settings, telemetry=telemetry)

    outcomes = [await ask(to_runtime) for _ in range(3)]

    assert telemetry.modes == [("tollama", "degraded")]
    assert outcomes[2] is DOWN
    assert len(runtime.calls) == 3


async def test_a_runtime_whose_breaker_has_opened_is_not_asked_again() -> None:
    settings = Settings(resilience=QUICK, breaker=BreakerConfig(max_failures=1))
    runtime = FakeRuntime(Script(DOWN))
    telemetry = FakeTelemetry()
    to_runtime = line(runtime, settings, telemetry=telemetry)

    first = await ask(to_runtime)
    second = await ask(to_runtime)

    assert first is DOWN
    assert isinstance(second, BreakerOpenError)
    assert len(runtime.calls) == 1
    assert telemetry.breakers == [("tollama", "torch", "open")]
    assert to_runtime.breaker_state("torch") == "open"


async def test_each_family_has_a_breaker_of_its_own() -> None:
    settings = Settings(resilience=QUICK, breaker=BreakerConfig(max_failures=1))
    to_runtime = line(FakeRuntime(Script(DOWN)), settings)

    await ask(to_runtime, family="torch")

    assert isinstance(to_runtime.obstacle("torch"), BreakerOpenError)
    assert to_runtime.obstacle("jax") is None
    assert isinstance(await ask(to_runtime, family="jax"), list)


async def test_a_runtime_that_only_gets_probes_is_asked_once_in_a_while() -> None:
    clock = FakeClock()
    settings = Settings(
        resilience=QUICK, breaker=NEVER_OPEN, degradation=DegradationConfig(min_calls=1)
    )
    runtime = FakeRuntime(Script(DOWN, DOWN))
    to_runtime = line(runtime, settings, clock=clock)

    await ask(to_runtime)
    spared = await ask(to_runtime)
    clock.now_s += 10
    probe = await ask(to_runtime)
    spared_again = await ask(to_runtime)

    assert probe is DOWN
    assert isinstance(spared, RuntimeDegradedError)
    assert isinstance(spared_again, RuntimeDegradedError)
    assert isinstance(to_runtime.obstacle("torch"), RuntimeDegradedError)
    assert len(runtime.calls) == 2


@pytest.mark.parametrize(
    ("failure", "is_counted"),
    [
        (RuntimeUnavailableError("down"), True),
        (RuntimeTimeoutError("slow"), True),
        (RuntimeProtocolError("odd"), False),
        (RuntimeOutputError("nan"), False),
        (RuntimeRefusedError("no", is_input=True), False),
        (ModelNotInstalledError("gone"), False),
        (DeadlinePassedError("late"), False),
    ],
)
async def test_only_an_unavailable_runtime_opens_the_breaker_and_degrades(
    failure: ForecastRuntimeError, *, is_counted: bool
) -> None:
    settings = Settings(
        resilience=QUICK,
        breaker=BreakerConfig(max_failures=1),
        degradation=DegradationConfig(min_calls=1),
    )
    telemetry = FakeTelemetry()
    to_runtime = line(FakeRuntime(Script(failure)), settings, telemetry=telemetry)

    await ask(to_runtime)

    is_open = telemetry.breakers == [("tollama", "torch", "open")]
    is_degraded = telemetry.modes == [("tollama", "baseline_only")]
    assert (is_open, is_degraded) == (is_counted, is_counted)


@pytest.mark.parametrize(
    ("failure", "opens"),
    [(RuntimeProtocolError("odd"), False), (DeadlinePassedError("late"), True)],
)
async def test_a_runtime_that_talks_is_not_down_and_the_callers_haste_says_nothing(
    failure: ForecastRuntimeError, *, opens: bool
) -> None:
    settings = Settings(resilience=ResilienceConfig(max_retries=0))
    telemetry = FakeTelemetry()
    runtime = FakeRuntime(Script(DOWN, DOWN, failure, DOWN))
    to_runtime = line(runtime, settings, telemetry=telemetry)

    for _ in range(4):
        await ask(to_runtime)

    assert (telemetry.breakers != []) is opens


async def test_an_attempt_gets_its_own_time_or_what_is_left() -> None:
    clock = FakeClock()
    runtime = FakeRuntime(Script(DOWN, DOWN, clock=clock, takes_s=1))

    await ask(line(runtime, clock=clock))

    assert runtime.timeouts_s == [2.0, 1.5]


async def test_the_time_of_an_attempt_is_configurable() -> None:
    settings = Settings(resilience=ResilienceConfig(attempt_timeout_s=0.5))
    runtime = FakeRuntime()

    await ask(line(runtime, settings))

    assert runtime.timeouts_s == [0.5]


@pytest.mark.parametrize(
    ("time_s", "kind"), [(1.9, DeadlinePassedError), (2.0, RuntimeTimeoutError)]
)
async def test_a_timeout_before_the_usual_time_is_the_deadlines(
    time_s: float, kind: type[ForecastRuntimeError]
) -> None:
    failure = await ask(
        line(FakeRuntime(Script(*[RuntimeTimeoutError("slow")] * 2))), time_s=time_s
    )

    assert type(failure) is kind


async def test_a_lost_connection_before_the_usual_time_is_the_runtimes() -> None:
    failure = await ask(line(FakeRuntime(Script(DOWN))), time_s=0.5)

    assert failure is DOWN


async def test_nothing_is_asked_when_no_time_is_left() -> None:
    runtime = FakeRuntime()

    failure = await ask(line(runtime), time_s=0)

    assert isinstance(failure, DeadlinePassedError)
    assert runtime.calls == []


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (None, None),
        (RuntimeUnavailableError("down"), "unavailable"),
        (RuntimeTimeoutError("slow"), "timeout"),
        (RuntimeRefusedError("no", is_input=True), "refused"),
        (ModelNotInstalledError("gone"), "refused"),
        (RuntimeProtocolError("odd"), "protocol"),
        (RuntimeOutputError("nan"), "protocol"),
    ],
)
async def test_each_call_is_told_with_its_time_and_the_kind_of_its_error(
    failure: ForecastRuntimeError | None, error: CallError | None
) -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()
    clock.now_s = 7
    runtime = FakeRuntime(Script(failure, clock=clock, takes_s=0.25))
    settings = Settings(resilience=ResilienceConfig(max_retries=0))

    await ask(line(runtime, settings, clock=clock, telemetry=telemetry))

    assert telemetry.calls == [RuntimeCall("tollama", "chronos2", 1, 0.25, error)]


async def test_a_call_and_its_retry_are_told_one_by_one() -> None:
    telemetry = FakeTelemetry()

    await ask(line(FakeRuntime(Script(DOWN)), telemetry=telemetry))

    assert [call.error for call in telemetry.calls] == ["unavailable", None]


async def test_an_error_of_our_own_is_raised_and_counts_for_nothing() -> None:
    def answer(_: ModelCall) -> Answers:
        raise ZeroDivisionError

    settings = Settings(
        breaker=BreakerConfig(max_failures=1),
        degradation=DegradationConfig(min_calls=1),
    )
    to_runtime = line(FakeRuntime(answer), settings)

    with pytest.raises(ZeroDivisionError):
        await ask(to_runtime)

    assert to_runtime.obstacle("torch") is None


async def test_a_probe_that_is_cancelled_gives_its_place_back() -> None:
    clock, gate = FakeClock(), asyncio.Semaphore(3)
    settings = Settings(
        resilience=ResilienceConfig(max_retries=0), breaker=BreakerConfig(probes=1)
    )
    runtime = FakeRuntime(Script(DOWN, DOWN, DOWN), gate=gate)
    to_runtime = line(runtime, settings, clock=clock)
    for _ in range(3):
        await ask(to_runtime)
    clock.now_s += 30

    probe = asyncio.create_task(ask(to_runtime))
    await asyncio.sleep(0)
    meanwhile = to_runtime.obstacle("torch")
    probe.cancel()
    await asyncio.wait([probe])

    assert isinstance(meanwhile, BreakerOpenError)
    assert to_runtime.obstacle("torch") is None
    assert to_runtime.breaker_state("torch") == "half_open"
