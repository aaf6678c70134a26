from datetime import timedelta

import numpy as np
import pytest
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers
from tests.service.builders import CUTOFF, QUICK, SERIES, predictor, prepared, revision

from tsfm_runner.config import (
    BreakerConfig,
    DegradationConfig,
    ResilienceConfig,
    Settings,
    TollamaConfig,
)
from tsfm_runner.core.transforms import logit
from tsfm_runner.domain.forecast import FallbackReason, ModelCall, QuantileForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.model import Capabilities, ModelRevision
from tsfm_runner.domain.task import MarketFacts, ModelChoice, Transform
from tsfm_runner.errors import (
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask

MODEL = revision("chronos2")
Outcome = RawBand | FallbackReason


async def predict(
    runtime: FakeRuntime,
    tasks: list[PreparedTask],
    *,
    model: ModelRevision = MODEL,
    settings: Settings | None = None,
    clock: FakeClock | None = None,
) -> list[Outcome]:
    clock = clock or FakeClock()
    return await predictor(runtime, settings, clock=clock).predict(
        model, tasks, deadline=Deadline(clock, 2.5)
    )


def markets(count: int) -> list[PreparedTask]:
    return [prepared(market_id=f"m{number}") for number in range(count)]


def failing(*failures: ForecastRuntimeError) -> FakeRuntime:
    left = list(failures)

    def answer(call: ModelCall) -> Answers:
        if left:
            raise left.pop(0)
        return flat_answers(call)

    return FakeRuntime(answer)


async def test_the_model_gets_the_transformed_context() -> None:
    runtime = FakeRuntime()

    await predict(runtime, [prepared(transform=Transform("logit", 0.01))])

    [series] = runtime.calls[0].series
    assert series.context == pytest.approx(logit(SERIES, eps=0.01))


async def test_answers_come_back_as_prices() -> None:
    [band] = await predict(
        FakeRuntime(), [prepared(transform=Transform("logit", 1e-6))]
    )

    assert isinstance(band, RawBand)
    assert band.values[0, 1] == pytest.approx(SERIES[-1])
    assert set(band.sources.values()) == {"native"}
    assert band.batch_size == 1


async def test_a_model_that_works_on_prices_gets_and_answers_prices() -> None:
    runtime = FakeRuntime()
    model = revision("prices", capabilities=Capabilities(space="identity"))
    tasks = [prepared(transform=Transform("logit", 1e-6))]

    [band] = await predict(runtime, tasks, model=model)

    assert runtime.calls[0].series[0].context.tolist() == SERIES.tolist()
    assert isinstance(band, RawBand)
    assert band.values[0] == pytest.approx(SERIES[-1] + np.array([-0.08, 0, 0.08]))


async def test_a_model_that_works_on_log_odds_gets_them_whatever_is_asked() -> None:
    runtime = FakeRuntime()
    model = revision("log-odds", capabilities=Capabilities(space="logit"))

    [band] = await predict(runtime, [prepared()], model=model)

    assert runtime.calls[0].series[0].context == pytest.approx(logit(SERIES, eps=1e-6))
    assert isinstance(band, RawBand)
    assert band.values[0, 1] == pytest.approx(SERIES[-1])


async def test_the_model_is_told_what_was_filled_and_when_the_market_closes() -> None:
    runtime = FakeRuntime()
    closes_at = CUTOFF + timedelta(hours=2)
    short = revision("short", capabilities=Capabilities(max_context=2))
    task = prepared(
        [0.4, 0.5, np.nan, 0.5], facts=MarketFacts(closes_at=closes_at), horizon=2
    )

    await predict(runtime, [task])
    await predict(runtime, [task], model=short)
    await predict(runtime, [prepared()])

    whole, cut, complete = (call.series[0] for call in runtime.calls)
    assert whole.is_observed is not None
    assert cut.is_observed is not None
    assert whole.is_observed.tolist() == [True, True, False, True]
    assert cut.is_observed.tolist() == [False, True]
    assert whole.closes_at == closes_at
    assert complete.is_observed is None
    assert complete.closes_at is None


async def test_many_markets_share_one_call() -> None:
    runtime = FakeRuntime()

    bands = await predict(runtime, markets(10))

    assert len(runtime.calls) == 1
    assert all(isinstance(band, RawBand) and band.batch_size == 10 for band in bands)


async def test_calls_are_cut_to_what_settings_and_model_take() -> None:
    small = revision("chronos2", capabilities=Capabilities(max_series_per_call=3))
    by_settings, by_model = FakeRuntime(), FakeRuntime()
    four = Settings(resilience=QUICK, tollama=TollamaConfig(max_series_per_call=4))

    await predict(by_settings, markets(10), settings=four)
    await predict(by_model, markets(10), model=small)

    assert [len(call.series) for call in by_settings.calls] == [4, 4, 2]
    assert [len(call.series) for call in by_model.calls] == [3, 3, 3, 1]


async def test_only_alike_questions_share_a_call() -> None:
    runtime = FakeRuntime()
    odd = [
        prepared(),
        prepared(horizon=5),
        prepared(freq=Frequency.parse("1h")),
        prepared(quantile_levels=(0.05,)),
        prepared(model=ModelChoice(params={"seed": 1})),
    ]

    bands = await predict(runtime, odd)

    assert len(runtime.calls) == 5
    shapes = [band.values.shape for band in bands if isinstance(band, RawBand)]
    assert shapes == [(3, 3), (5, 3), (3, 3), (3, 4), (3, 3)]


async def test_missing_levels_follow_from_those_the_model_has() -> None:
    model = revision("deciles", capabilities=Capabilities(quantile_levels=(0.1, 0.9)))

    def answer(call: ModelCall) -> Answers:
        values = np.tile([0.3, 0.5], (call.horizon, 1))
        return [QuantileForecast(call.quantile_levels, values)] * len(call.series)

    tasks = [prepared(quantile_levels=(0.01, 0.1, 0.5))]

    [band] = await predict(FakeRuntime(answer), tasks, model=model)

    assert isinstance(band, RawBand)
    assert band.sources == {0.01: "extrapolated", 0.1: "native", 0.5: "interpolated"}
    assert band.values[0, 2] == pytest.approx(0.4)
    assert band.values[0, 0] < 0.3


async def test_the_context_is_cut_to_what_the_model_can_take() -> None:
    model = revision("short", capabilities=Capabilities(max_context=40))
    runtime = FakeRuntime()

    await predict(runtime, [prepared()], model=model)

    assert runtime.calls[0].series[0].context == pytest.approx(SERIES[-40:])


@pytest.mark.parametrize(
    ("past", "future", "sent_past", "sent_future", "warnings"),
    [
        (True, True, {"v"}, {"v"}, ()),
        (True, False, {"v"}, set(), ("covariates_not_supported_by_model",)),
        (False, True, set(), set(), ("covariates_not_supported_by_model",)),
    ],
)
async def test_covariates_go_to_models_that_take_them(
    *,
    past: bool,
    future: bool,
    sent_past: set[str],
    sent_future: set[str],
    warnings: tuple[str, ...],
) -> None:
    can = Capabilities(past_covariates=past, future_covariates=future)
    runtime = FakeRuntime()
    task = prepared(
        past_covariates={"v": np.arange(60.0)}, future_covariates={"v": np.arange(3.0)}
    )

    [band] = await predict(runtime, [task], model=revision("x", capabilities=can))

    [series] = runtime.calls[0].series
    assert set(series.past_covariates) == sent_past
    assert set(series.future_covariates) == sent_future
    assert isinstance(band, RawBand)
    assert band.warnings == warnings


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (RuntimeTimeoutError("slow"), FallbackReason.RUNTIME_TIMEOUT),
        (RuntimeUnavailableError("down"), FallbackReason.RUNTIME_UNAVAILABLE),
        (RuntimeProtocolError("odd"), FallbackReason.RUNTIME_PROTOCOL),
        (RuntimeOutputError("nan"), FallbackReason.INVALID_OUTPUT),
        (ModelNotInstalledError("gone"), FallbackReason.MODEL_NOT_INSTALLED),
        (RuntimeRefusedError("no", is_input=False), FallbackReason.RUNTIME_PROTOCOL),
    ],
)
async def test_every_failure_has_its_reason(
    failure: ForecastRuntimeError, reason: FallbackReason
) -> None:
    outcomes = await predict(failing(failure, failure), markets(2))

    assert outcomes == [reason, reason]


async def test_a_fault_of_one_series_leaves_the_others_alone() -> None:
    def answer(call: ModelCall) -> Answers:
        return [RuntimeOutputError("nan"), *flat_answers(call)[1:]]

    first, *others = await predict(FakeRuntime(answer), markets(4))

    assert first == FallbackReason.INVALID_OUTPUT
    assert all(isinstance(band, RawBand) for band in others)


async def test_a_timeout_of_what_was_left_is_the_deadlines() -> None:
    clock = FakeClock()
    clock.now_s = 2.0

    outcomes = await predict(
        failing(RuntimeTimeoutError("slow")), markets(1), clock=clock
    )

    assert outcomes == [FallbackReason.DEADLINE_EXCEEDED]


async def test_nothing_is_asked_when_no_time_is_left() -> None:
    clock = FakeClock()
    clock.now_s = 3.0
    runtime = FakeRuntime()

    outcomes = await predict(runtime, markets(1), clock=clock)

    assert outcomes == [FallbackReason.DEADLINE_EXCEEDED]
    assert runtime.calls == []


async def test_an_error_of_our_own_is_no_fault_of_the_runtime() -> None:
    def answer(_: ModelCall) -> Answers:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await predict(FakeRuntime(answer), markets(1))


async def test_a_band_tells_how_many_series_shared_its_own_call() -> None:
    def answer(call: ModelCall) -> Answers:
        if any(series.market_id == "m3" for series in call.series):
            raise RuntimeRefusedError("FORECAST_ERROR", is_input=True)
        return flat_answers(call)

    bands = await predict(FakeRuntime(answer), markets(4))

    sizes = [band.batch_size for band in bands if isinstance(band, RawBand)]
    assert sizes == [2, 2, 1]


async def test_a_runtime_that_may_not_be_asked_gets_no_question() -> None:
    runtime = failing(*[RuntimeUnavailableError("down")] * 4)
    family = predictor(runtime)
    deadline = Deadline(FakeClock(), 2.5)

    for _ in range(2):
        await family.predict(MODEL, markets(1), deadline=deadline)
    n_calls = len(runtime.calls)
    outcomes = await family.predict(MODEL, markets(2), deadline=deadline)

    assert outcomes == [FallbackReason.BREAKER_OPEN] * 2
    assert len(runtime.calls) == n_calls == 3


async def test_a_runtime_that_is_only_probed_gets_no_question() -> None:
    settings = Settings(
        resilience=ResilienceConfig(backoff_s=1e-6, max_retries=0),
        breaker=BreakerConfig(max_failures=99, min_calls=99),
        degradation=DegradationConfig(min_calls=2),
    )
    runtime = failing(*[RuntimeUnavailableError("down")] * 2)
    degraded = predictor(runtime, settings)
    deadline = Deadline(FakeClock(), 2.5)

    for _ in range(2):
        await degraded.predict(MODEL, markets(1), deadline=deadline)
    outcomes = await degraded.predict(MODEL, markets(3), deadline=deadline)

    assert outcomes == [FallbackReason.DEGRADED] * 3
    assert len(runtime.calls) == 2


async def test_parameters_in_another_order_are_the_same_question() -> None:
    runtime = FakeRuntime()
    tasks = [
        prepared(model=ModelChoice(params={"seed": 1, "temperature": 2})),
        prepared(model=ModelChoice(params={"temperature": 2, "seed": 1})),
    ]

    await predict(runtime, tasks)

    assert len(runtime.calls) == 1


async def test_a_revision_that_nobody_knows_is_told() -> None:
    strange = revision("strange", license_tag="unknown")

    [band] = await predict(FakeRuntime(), markets(1), model=strange)

    assert isinstance(band, RawBand)
    assert band.warnings == ("model_revision_not_in_registry",)
