from datetime import timedelta

import numpy as np
import pytest
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers
from tests.service.builders import CUTOFF, SERIES, registry, revision, service, task

from tsfm_runner.config import PreparationConfig, Settings
from tsfm_runner.domain.forecast import FallbackReason, ModelCall, ServedForecast
from tsfm_runner.domain.task import ForecastTask, MarketFacts, ModelChoice, Transform
from tsfm_runner.errors import (
    InvalidTaskError,
    ModelNotAllowedError,
    RuntimeOutputError,
    RuntimeUnavailableError,
)
from tsfm_runner.service.forecasting import ForecastService


async def served(house: ForecastService, *tasks: ForecastTask) -> list[ServedForecast]:
    outcomes = await house.forecast_many(tasks, deadline_s=2.5)
    assert all(isinstance(outcome, ServedForecast) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, ServedForecast)]


def down(_: ModelCall) -> Answers:
    raise RuntimeUnavailableError("down")


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
    assert answer.values[0] == pytest.approx(SERIES[-1] + np.array([-0.08, 0, 0.08]))


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
    jumpy = task(np.where(np.arange(60) % 2, 0.4, 0.6), quantile_levels=(0.49, 0.51))

    [answer] = await served(service(FakeRuntime()), jumpy)

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
