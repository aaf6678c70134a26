import asyncio
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from tests.fakes import Answers, FakeClock, FakeRuntime, FakeTelemetry, flat_answers
from tests.service.builders import CUTOFF, SERIES, registry, revision, service, task

from tsfm_runner.config import (
    BreakerConfig,
    CacheConfig,
    PreparationConfig,
    ResilienceConfig,
    Settings,
)
from tsfm_runner.domain.forecast import (
    CacheUse,
    FallbackReason,
    ModelCall,
    QuantileForecast,
    ServedForecast,
)
from tsfm_runner.domain.task import ForecastTask, MarketFacts, ModelChoice, Transform
from tsfm_runner.errors import (
    InvalidTaskError,
    ModelNotAllowedError,
    RuntimeOutputError,
    RuntimeUnavailableError,
)
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.remembering import fingerprint

NO_RETRY = Settings(resilience=ResilienceConfig(max_retries=0))


async def served(house: ForecastService, *tasks: ForecastTask) -> list[ServedForecast]:
    outcomes = await house.forecast_many(tasks, deadline_s=2.5)
    assert all(isinstance(outcome, ServedForecast) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, ServedForecast)]


def down(_: ModelCall) -> Answers:
    raise RuntimeUnavailableError("down")


def fails_as(told: list[bool]) -> Callable[[ModelCall], Answers]:
    """Return answers of a runtime that fails as told, call by call, and then not."""
    left = list(told)

    def answer(call: ModelCall) -> Answers:
        if left and left.pop(0):
            raise RuntimeUnavailableError("down")
        return flat_answers(call)

    return answer


def fails(times: int) -> Callable[[ModelCall], Answers]:
    return fails_as([True] * times)


async def settled() -> None:
    """Wait until nothing happens any more unless a call is answered."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_without_a_runtime_the_baseline_answers_and_nothing_failed() -> None:
    [answer] = await served(service(), task())

    assert answer.provenance.runtime == "baseline"
    assert answer.provenance.model_name == "ewma"
    assert not answer.provenance.is_fallback
    assert answer.values.shape == (3, 3)


async def test_a_model_that_is_well_answers() -> None:
    [answer] = await served(service(FakeRuntime()), task())

    origin = answer.provenance
    assert (origin.runtime, origin.model_name) == ("tollama", "chronos2")
    assert origin.license_tag == "commercial_ok"
    assert not origin.is_fallback
    assert answer.raw_values[0] == pytest.approx(
        SERIES[-1] + np.array([-0.08, 0, 0.08])
    )


async def test_a_model_that_fails_is_replaced_by_a_baseline_that_says_so() -> None:
    [answer] = await served(service(FakeRuntime(down)), task())

    origin = answer.provenance
    assert origin.runtime == "baseline"
    assert origin.is_fallback
    assert origin.fallback_reason == FallbackReason.RUNTIME_UNAVAILABLE
    assert [(step.rung, step.is_taken, step.reason) for step in origin.route] == [
        ("tollama", False, FallbackReason.RUNTIME_UNAVAILABLE),
        ("baseline", True, None),
    ]


async def test_the_baseline_band_is_the_same_whoever_failed_before() -> None:
    [alone] = await served(service(), task())
    [fallen] = await served(service(FakeRuntime(down)), task())

    assert np.array_equal(alone.values, fallen.values)


async def test_one_bad_answer_among_many_falls_back_alone() -> None:
    def answer(call: ModelCall) -> Answers:
        return [RuntimeOutputError("nan"), *flat_answers(call)[1:]]

    first, second = await served(
        service(FakeRuntime(answer)), task(), task(market_id="another")
    )

    assert first.provenance.fallback_reason == FallbackReason.INVALID_OUTPUT
    assert second.provenance.fallback_reason is None


async def test_refused_tasks_stand_in_their_place_and_harm_no_other() -> None:
    production = service(
        FakeRuntime(), models=registry(revision("mock"), environment="prod")
    )
    tasks = [
        task(),
        task(model=ModelChoice("tollama", "mock")),
        task(model=ModelChoice("baseline", "arima")),
        task(),
    ]

    outcomes = await production.forecast_many(tasks, deadline_s=2.5)

    kinds = [ServedForecast, ModelNotAllowedError, InvalidTaskError, ServedForecast]
    assert [type(outcome) for outcome in outcomes] == kinds


async def test_a_batch_answers_what_each_of_its_tasks_would_alone() -> None:
    tasks = [
        task(),
        task(SERIES[:10]),
        task(horizon=7, transform=Transform("logit", 1e-6)),
        task(1 - SERIES, quantile_levels=(0.25, 0.75)),
        task(model=ModelChoice("baseline", "har")),
    ]

    together = await served(service(FakeRuntime()), *tasks)

    for one, answer in zip(tasks, together, strict=True):
        [alone] = await served(service(FakeRuntime()), one)
        assert answer.values == pytest.approx(alone.values, abs=1e-12)
        assert answer.provenance.route == alone.provenance.route
        assert answer.task is one


async def test_no_task_is_answered_with_nothing() -> None:
    assert await service().forecast_many([], deadline_s=2.5) == []


async def test_provenance_tells_of_the_data_and_the_time() -> None:
    clock = FakeClock()

    def answer(call: ModelCall) -> Answers:
        clock.now_s += 0.25
        return flat_answers(call)

    house = service(FakeRuntime(answer), clock=clock)

    [result] = await served(house, task(np.r_[SERIES, np.nan, np.nan, 0.4, 0.4]))

    origin = result.provenance
    assert origin.input_length == 64
    assert origin.missing_ratio == pytest.approx(2 / 64)
    assert result.latency_ms == 250
    assert result.computed_at_s == 0.25
    assert result.cache is None
    assert origin.forecast_id == "forecast-1"
    assert origin.batch_size == 1


async def test_finishing_warnings_follow_the_models_own() -> None:
    def answer_flat(call: ModelCall) -> Answers:
        shape = call.horizon, len(call.quantile_levels)
        return [QuantileForecast(call.quantile_levels, np.full(shape, 0.5))]

    jumpy = task(np.where(np.arange(60) % 2, 0.4, 0.6), quantile_levels=(0.49, 0.51))

    [answer] = await served(service(FakeRuntime(answer_flat)), jumpy)

    assert answer.provenance.warnings == ("band_widened_to_min_width",)


@pytest.mark.parametrize(("min_points", "rung"), [(10, "tollama"), (61, "baseline")])
async def test_how_many_points_a_model_needs_is_configurable(
    min_points: int, rung: str
) -> None:
    settings = Settings(preparation=PreparationConfig(min_points=min_points))

    [answer] = await served(service(FakeRuntime(), settings=settings), task())

    assert answer.provenance.runtime == rung


async def test_an_error_of_our_own_is_not_hidden_behind_a_baseline() -> None:
    def answer(_: ModelCall) -> Answers:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await service(FakeRuntime(answer)).forecast_many([task()], deadline_s=2.5)


@pytest.mark.parametrize(
    ("minutes", "warnings"),
    [
        (-5, ("market_closed",)),
        (0, ("market_closed",)),
        (15, ("closes_within_horizon",)),
        (16, ()),
    ],
)
async def test_a_market_that_closes_before_the_last_step_is_told(
    minutes: int, warnings: tuple[str, ...]
) -> None:
    facts = MarketFacts(closes_at=CUTOFF + timedelta(minutes=minutes))

    [answer] = await served(service(), task(facts=facts))

    assert answer.provenance.warnings == warnings


async def test_who_asks_the_same_again_is_served_what_was_kept() -> None:
    clock, telemetry, runtime = FakeClock(), FakeTelemetry(), FakeRuntime()
    house = service(runtime, clock=clock, telemetry=telemetry)

    [first] = await served(house, task())
    clock.now_s += 59
    [again] = await served(house, task())

    assert len(runtime.calls) == 1
    assert np.array_equal(again.values, first.values)
    assert again.provenance == first.provenance  # its id too
    assert again.cache == CacheUse(59, is_stale=False)
    assert first.cache is None
    assert telemetry.cache_events == ["miss", "hit"]


async def test_an_answer_that_is_too_old_is_computed_anew() -> None:
    clock, runtime = FakeClock(), FakeRuntime()
    house = service(runtime, clock=clock)

    [first] = await served(house, task())
    clock.now_s += 60
    [again] = await served(house, task())

    assert len(runtime.calls) == 2
    assert again.cache is None
    assert again.provenance.forecast_id != first.provenance.forecast_id


async def test_a_hit_tells_its_own_latency() -> None:
    clock = FakeClock()

    def answer(call: ModelCall) -> Answers:
        clock.now_s += 0.25
        return flat_answers(call)

    house = service(FakeRuntime(answer), clock=clock)

    [first] = await served(house, task())
    [again] = await served(house, task())

    assert (first.latency_ms, again.latency_ms) == (250, 0)


async def test_an_answer_that_the_edge_kept_is_served_as_a_hit() -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()
    house = service(clock=clock, telemetry=telemetry)
    [first] = await served(house, task())

    clock.now_s += 5
    again = house.serve_again(first, started_s=4.5, request_id="r-2")

    assert again.cache == CacheUse(5, is_stale=False)
    assert again.latency_ms == 500
    assert telemetry.cache_events == ["miss", "hit"]
    assert telemetry.forecasts[-1] == (again, "r-2")


async def test_without_time_to_live_everything_is_computed() -> None:
    runtime = FakeRuntime()
    house = service(runtime, settings=Settings(cache=CacheConfig(ttl_s=0)))

    await served(house, task())
    await served(house, task())

    assert len(runtime.calls) == 2


async def test_many_who_ask_the_same_at_once_share_one_computation() -> None:
    gate, telemetry = asyncio.Semaphore(0), FakeTelemetry()
    runtime = FakeRuntime(gate=gate)
    house = service(runtime, telemetry=telemetry)

    asking = [asyncio.create_task(served(house, task())) for _ in range(50)]
    await settled()
    gate.release()
    answers = await asyncio.gather(*asking)

    assert [len(call.series) for call in runtime.calls] == [1]
    ids = {answer.provenance.forecast_id for [answer] in answers}
    assert ids == {"forecast-1"}
    assert telemetry.cache_events == ["miss", *["join"] * 49]
    assert len(telemetry.forecasts) == 50


async def test_the_same_task_twice_in_one_request_is_computed_once() -> None:
    telemetry, runtime = FakeTelemetry(), FakeRuntime()
    house = service(runtime, telemetry=telemetry)

    answers = await served(house, task(), task(market_id="other"), task())

    assert [len(call.series) for call in runtime.calls] == [2]
    assert [answer.task.market_id for answer in answers] == ["m", "other", "m"]
    assert answers[0] is answers[2]
    assert telemetry.cache_events == ["miss", "miss", "join"]


async def test_a_request_waits_for_some_and_computes_the_others() -> None:
    gate = asyncio.Semaphore(0)
    runtime = FakeRuntime(gate=gate)
    house = service(runtime)

    leader = asyncio.create_task(served(house, task()))
    await settled()
    mixed = asyncio.create_task(served(house, task(market_id="new"), task()))
    await settled()
    gate.release()
    gate.release()
    [first], [new, joined] = await asyncio.gather(leader, mixed)

    sent = [[one.market_id for one in call.series] for call in runtime.calls]
    assert sent == [["m"], ["new"]]
    assert joined.provenance is first.provenance
    assert new.task.market_id == "new"


async def test_who_waits_for_a_request_that_is_cancelled_computes_for_itself() -> None:
    gate, clock = asyncio.Semaphore(0), FakeClock()
    runtime = FakeRuntime(gate=gate)
    house = service(runtime, clock=clock)
    leader = asyncio.create_task(served(house, task()))
    await settled()
    follower = asyncio.create_task(served(house, task()))
    await settled()

    leader.cancel()
    for _ in range(2):
        gate.release()
    [answer] = await follower
    [again] = await served(house, task())

    assert answer.provenance.runtime == "tollama"
    assert len(runtime.calls) == 2
    assert again.cache is not None  # what the follower computed is kept


async def test_an_error_of_our_own_leaves_nobody_waiting() -> None:
    failures = [ZeroDivisionError()]

    def answer(call: ModelCall) -> Answers:
        if failures:
            raise failures.pop()
        return flat_answers(call)

    gate = asyncio.Semaphore(0)
    house = service(FakeRuntime(answer, gate=gate))
    leader = asyncio.create_task(served(house, task()))
    await settled()
    follower = asyncio.create_task(served(house, task()))
    await settled()

    for _ in range(2):
        gate.release()
    [failure, answers] = await asyncio.gather(leader, follower, return_exceptions=True)

    assert isinstance(failure, ZeroDivisionError)
    assert isinstance(answers, list)


async def test_who_has_less_time_than_the_one_they_wait_for_gets_a_baseline() -> None:
    clock = FakeClock()
    house = service(FakeRuntime(gate=asyncio.Semaphore(0)), clock=clock)
    leader = asyncio.create_task(served(house, task()))
    await settled()
    asking = asyncio.create_task(house.forecast_many([task()], deadline_s=0.01))
    await settled()

    clock.now_s += 0.01
    [outcome] = await asking
    leader.cancel()
    await asyncio.wait([leader])

    assert isinstance(outcome, ServedForecast)
    assert outcome.provenance.runtime == "baseline"
    assert outcome.provenance.fallback_reason == FallbackReason.DEADLINE_EXCEEDED


async def test_who_has_more_time_than_the_one_they_wait_for_asks_the_model() -> None:
    gate, telemetry = asyncio.Semaphore(0), FakeTelemetry()
    runtime = FakeRuntime(gate=gate)
    house = service(runtime, telemetry=telemetry)
    leader = asyncio.create_task(house.forecast_many([task()], deadline_s=0.01))
    await settled()
    follower = asyncio.create_task(served(house, task()))

    [cut_short] = await leader
    await settled()
    for _ in range(2):
        gate.release()
    [answer] = await follower
    [again] = await served(house, task())

    assert isinstance(cut_short, ServedForecast)
    assert cut_short.provenance.fallback_reason == FallbackReason.DEADLINE_EXCEEDED
    assert answer.provenance.runtime == "tollama"
    assert again.cache is not None  # what the follower computed is kept
    assert len(runtime.calls) == 2
    assert telemetry.cache_events == ["miss", "join", "hit"]


@pytest.mark.parametrize("is_overloaded", [True, False])
async def test_who_waits_for_one_that_came_when_too_much_was_at_work_decides_anew(
    *, is_overloaded: bool
) -> None:
    house = service(FakeRuntime())

    [first], [second] = await asyncio.gather(
        house.forecast_many([task()], deadline_s=2.5, is_overloaded=True),
        house.forecast_many([task()], deadline_s=2.5, is_overloaded=is_overloaded),
    )

    assert isinstance(first, ServedForecast)
    assert isinstance(second, ServedForecast)
    reason = FallbackReason.OVERLOADED
    assert first.provenance.fallback_reason == reason
    assert second.provenance.fallback_reason == (reason if is_overloaded else None)


async def test_who_waits_for_a_model_that_fails_fails_with_it() -> None:
    runtime = FakeRuntime(fails(1))
    house = service(runtime, settings=NO_RETRY)

    [first], [second] = await asyncio.gather(
        served(house, task()), served(house, task())
    )

    assert second.provenance is first.provenance
    assert first.provenance.fallback_reason == FallbackReason.RUNTIME_UNAVAILABLE
    assert len(runtime.calls) == 1


async def test_who_waits_for_a_task_that_is_refused_is_refused_too() -> None:
    house, wrong = service(), task(model=ModelChoice("baseline", "arima"))

    [first], [second] = await asyncio.gather(
        *(house.forecast_many([wrong], deadline_s=2.5) for _ in range(2))
    )

    assert isinstance(first, InvalidTaskError)
    assert second is first


async def test_a_runtime_that_hangs_is_answered_for_at_the_deadline() -> None:
    house = service(FakeRuntime(gate=asyncio.Semaphore(0)))

    [outcome] = await house.forecast_many([task()], deadline_s=0.01)

    assert isinstance(outcome, ServedForecast)
    assert outcome.provenance.fallback_reason == FallbackReason.DEADLINE_EXCEEDED


async def test_a_baseline_for_a_model_that_failed_is_not_kept() -> None:
    runtime = FakeRuntime(fails(1))
    house = service(runtime, settings=NO_RETRY)

    [fallen] = await served(house, task())
    [well] = await served(house, task())

    assert fallen.provenance.fallback_reason == FallbackReason.RUNTIME_UNAVAILABLE
    assert well.provenance.runtime == "tollama"
    assert well.cache is None


async def test_a_baseline_that_the_data_ask_for_is_kept() -> None:
    house = service(FakeRuntime())

    await served(house, task([0.4, 0.5]))
    [again] = await served(house, task([0.4, 0.5]))

    assert again.provenance.fallback_reason == FallbackReason.TOO_FEW_POINTS
    assert again.cache is not None


async def test_a_refusal_is_not_kept() -> None:
    telemetry = FakeTelemetry()
    house = service(telemetry=telemetry)
    wrong = task(model=ModelChoice("baseline", "arima"))

    first, again = [await house.forecast_many([wrong], deadline_s=1) for _ in range(2)]

    assert [type(one) for one in (*first, *again)] == [InvalidTaskError] * 2
    assert telemetry.cache_events == ["miss", "miss"]
    assert telemetry.forecasts == []


@pytest.mark.parametrize(
    ("age_s", "reason"),
    [
        (60, FallbackReason.STALE_IF_ERROR),
        (179, FallbackReason.STALE_IF_ERROR),
        (180, FallbackReason.RUNTIME_UNAVAILABLE),
    ],
)
async def test_an_older_answer_stands_in_for_a_model_that_fails_for_two_minutes(
    age_s: float, reason: FallbackReason
) -> None:
    clock, failures = FakeClock(), [False, True]
    house = service(FakeRuntime(fails_as(failures)), settings=NO_RETRY, clock=clock)

    await served(house, task())
    clock.now_s += age_s
    [answer] = await served(house, task())

    assert answer.provenance.fallback_reason == reason


async def test_an_older_answer_tells_that_it_stands_in_and_why() -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()
    house = service(
        FakeRuntime(fails_as([False, True])),
        settings=Settings(
            resilience=ResilienceConfig(max_retries=0),
            breaker=BreakerConfig(max_failures=1),
        ),
        clock=clock,
        telemetry=telemetry,
    )

    [first] = await served(house, task())
    clock.now_s += 100
    [stale] = await served(house, task())

    origin = stale.provenance
    assert np.array_equal(stale.values, first.values)
    assert origin.forecast_id == first.provenance.forecast_id
    assert (origin.runtime, origin.model_name) == ("tollama", "chronos2")
    assert stale.cache == CacheUse(100, is_stale=True)
    assert [(step.rung, step.is_taken, step.reason) for step in origin.route] == [
        ("tollama", False, FallbackReason.RUNTIME_UNAVAILABLE),
        ("tollama", True, FallbackReason.STALE_IF_ERROR),
    ]
    assert origin.breaker_state == "open"
    assert telemetry.cache_events == ["miss", "miss", "stale"]


async def test_an_answer_that_stood_in_does_not_live_longer_for_it() -> None:
    clock = FakeClock()
    house = service(
        FakeRuntime(fails_as([False, True, True])), settings=NO_RETRY, clock=clock
    )

    await served(house, task())
    reasons = []
    for _ in range(2):
        clock.now_s += 100
        [answer] = await served(house, task())
        reasons.append(answer.provenance.fallback_reason)

    assert reasons == [
        FallbackReason.STALE_IF_ERROR,
        FallbackReason.RUNTIME_UNAVAILABLE,
    ]


async def test_who_runs_out_of_time_while_waiting_gets_an_older_answer_too() -> None:
    clock = FakeClock()
    gate = asyncio.Semaphore(1)
    house = service(FakeRuntime(gate=gate), clock=clock)
    await served(house, task())
    clock.now_s += 100
    leader = asyncio.create_task(served(house, task()))
    await settled()

    asking = asyncio.create_task(house.forecast_many([task()], deadline_s=0.01))
    await settled()
    clock.now_s += 0.01
    [outcome] = await asking
    leader.cancel()
    await asyncio.wait([leader])

    assert isinstance(outcome, ServedForecast)
    assert outcome.provenance.fallback_reason == FallbackReason.STALE_IF_ERROR


async def test_who_has_more_time_is_not_put_off_with_the_older_answer() -> None:
    clock, gate = FakeClock(), asyncio.Semaphore(1)
    house = service(FakeRuntime(gate=gate), clock=clock)
    await served(house, task())
    clock.now_s += 100
    leader = asyncio.create_task(house.forecast_many([task()], deadline_s=0.01))
    await settled()
    follower = asyncio.create_task(served(house, task()))

    [cut_short] = await leader
    for _ in range(2):
        gate.release()
    [answer] = await follower

    assert isinstance(cut_short, ServedForecast)
    assert cut_short.provenance.fallback_reason == FallbackReason.STALE_IF_ERROR
    assert answer.provenance.fallback_reason is None


async def test_with_too_much_at_work_no_older_answer_stands_in() -> None:
    clock = FakeClock()
    house = service(FakeRuntime(), clock=clock)
    await served(house, task())
    clock.now_s += 100

    [outcome] = await house.forecast_many([task()], deadline_s=2, is_overloaded=True)

    assert isinstance(outcome, ServedForecast)
    assert outcome.provenance.fallback_reason == FallbackReason.OVERLOADED


async def test_what_was_kept_meanwhile_is_served_to_who_would_get_a_baseline() -> None:
    clock, gate = FakeClock(), asyncio.Semaphore(0)
    house = service(FakeRuntime(gate=gate), clock=clock)
    late = asyncio.create_task(house.forecast_many([task()], deadline_s=0.01))
    await settled()
    await asyncio.wait([late])
    key = fingerprint(task())
    [well] = await served(service(FakeRuntime()), task())
    asking = asyncio.create_task(house.forecast_many([task()], deadline_s=0.01))
    await settled()

    house.memory.keep(key, well)
    [outcome] = await asking

    assert isinstance(outcome, ServedForecast)
    assert outcome.provenance.runtime == "tollama"
    assert outcome.cache == CacheUse(0, is_stale=False)


async def test_a_follower_tells_its_own_latency() -> None:
    clock, gate = FakeClock(), asyncio.Semaphore(0)
    house = service(FakeRuntime(gate=gate), clock=clock)
    leader = asyncio.create_task(served(house, task()))
    await settled()
    clock.now_s += 0.25
    follower = asyncio.create_task(served(house, task()))
    await settled()

    clock.now_s += 0.25
    gate.release()
    [[first], [second]] = await asyncio.gather(leader, follower)

    assert (first.latency_ms, second.latency_ms) == (500, 250)


async def test_many_who_waited_for_one_that_was_cut_short_ask_once_more_together() -> (
    None
):
    gate = asyncio.Semaphore(0)
    runtime = FakeRuntime(gate=gate)
    house = service(runtime)
    leader = asyncio.create_task(house.forecast_many([task()], deadline_s=0.01))
    await settled()
    followers = [asyncio.create_task(served(house, task())) for _ in range(9)]

    await leader
    await settled()
    for _ in range(2):
        gate.release()
    answers = [answer for [answer] in await asyncio.gather(*followers)]

    assert [len(call.series) for call in runtime.calls] == [1, 1]
    assert len({answer.provenance.forecast_id for answer in answers}) == 1


async def test_with_too_much_at_work_no_model_is_asked() -> None:
    runtime = FakeRuntime()
    house = service(runtime)

    [outcome] = await house.forecast_many([task()], deadline_s=2, is_overloaded=True)
    [later] = await served(house, task())

    assert isinstance(outcome, ServedForecast)
    assert outcome.provenance.runtime == "baseline"
    assert outcome.provenance.fallback_reason == FallbackReason.OVERLOADED
    assert outcome.provenance.breaker_state == "closed"
    assert later.provenance.runtime == "tollama"


async def test_with_too_much_at_work_what_is_kept_is_still_served() -> None:
    house = service(FakeRuntime())
    await served(house, task())

    [outcome] = await house.forecast_many([task()], deadline_s=2, is_overloaded=True)

    assert isinstance(outcome, ServedForecast)
    assert outcome.provenance.runtime == "tollama"
    assert outcome.cache is not None


async def test_the_state_of_the_breaker_is_told_with_the_answer() -> None:
    clock = FakeClock()
    settings = Settings(resilience=ResilienceConfig(max_retries=0))
    house = service(FakeRuntime(fails(3)), settings=settings, clock=clock)

    states = []
    for number in range(5):
        [answer] = await served(house, task(market_id=f"m{number}"))
        states.append((answer.provenance.breaker_state, answer.provenance.runtime))
        if number == 3:
            clock.now_s += 30
    [plain] = await served(house, task(model=ModelChoice("baseline")))

    assert states == [
        ("closed", "baseline"),
        ("closed", "baseline"),
        ("open", "baseline"),
        ("open", "baseline"),
        ("half_open", "tollama"),
    ]
    assert plain.provenance.breaker_state is None


async def test_each_answer_to_each_market_is_told_once() -> None:
    telemetry = FakeTelemetry()
    house = service(FakeRuntime(), telemetry=telemetry)
    tasks = [
        task(),
        task(market_id="short", prices=[0.4, 0.5]),
        task(),
        task(model=ModelChoice("baseline", "arima")),
    ]

    first = await house.forecast_many(tasks, deadline_s=2, request_id="r-1")
    second = await house.forecast_many(tasks[:1], deadline_s=2, request_id="r-2")

    told = [(served, "r-1") for served in first[:3]] + [(second[0], "r-2")]
    assert telemetry.forecasts == told


async def test_models_are_asked_group_by_group_at_the_same_time() -> None:
    gate = asyncio.Semaphore(0)
    runtime = FakeRuntime(gate=gate)
    models = registry(revision("toto", family="other"))
    house = service(runtime, models=models)

    asking = asyncio.create_task(
        served(house, task(), task(model=ModelChoice("tollama", "toto")))
    )
    await settled()
    asked = [call.model_name for call in runtime.calls]
    gate.release()
    gate.release()

    assert asked == ["chronos2", "toto"]
    names = [answer.provenance.model_name for answer in await asking]
    assert names == ["chronos2", "toto"]


async def test_baselines_of_requests_that_come_together_are_computed_together() -> None:
    house = service()

    answers = await asyncio.gather(
        *(served(house, task(market_id=f"m{number}")) for number in range(5))
    )

    assert [answer.provenance.batch_size for [answer] in answers] == [5] * 5


async def test_requests_that_come_together_get_what_each_would_alone() -> None:
    def tasks() -> list[ForecastTask]:
        return [
            task(SERIES * scale, market_id=f"m{scale}", horizon=horizon)
            for scale in (0.1, 0.5, 1.0)
            for horizon in (1, 3)
        ]

    house = service(FakeRuntime())

    together = await asyncio.gather(*(served(house, one) for one in tasks()))

    for one, [answer] in zip(tasks(), together, strict=True):
        [alone] = await served(service(FakeRuntime()), one)
        assert answer.values == pytest.approx(alone.values, abs=1e-12)
