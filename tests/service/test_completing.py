import numpy as np
import pytest
from tests.fakes import FakeClock, FakeRuntime
from tests.service.builders import completer, line, prepared, registry, router

from tsfm_runner.config import BandConfig, BreakerConfig, Settings
from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.service.completing import Journey
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask

BAND = RawBand(np.tile([0.3, 0.4, 0.5], (3, 1)), {0.5: "native"}, ("told",), 7)
DOWN = FallbackReason.RUNTIME_UNAVAILABLE


def setting_out(
    asked: PreparedTask | None = None, *, started_s: float = 0.0
) -> Journey:
    asked = asked or prepared()
    route = router().plan(asked)
    return Journey(asked, route, route.target, started_s)


def test_a_journey_is_open_until_it_has_a_band_or_meets_the_baseline() -> None:
    way = setting_out()

    assert way.is_open
    assert not way.answered(BAND).is_open
    assert not way.answered(DOWN).is_open


def test_a_journey_without_models_goes_past_all_of_them_for_one_reason() -> None:
    way = setting_out().without_models(FallbackReason.OVERLOADED)

    assert [(step.rung, step.reason) for step in way.route.steps] == [
        ("tollama", FallbackReason.OVERLOADED),
        ("baseline", None),
    ]
    assert way.route.fallback_reason == FallbackReason.OVERLOADED


def test_a_journey_that_has_its_band_keeps_it() -> None:
    way = setting_out().answered(BAND)

    assert way.without_models(FallbackReason.OVERLOADED) is way


def test_a_band_of_a_model_is_served_with_where_it_came_from() -> None:
    clock = FakeClock()
    clock.now_s = 5.0

    [served] = completer(clock=clock).complete(
        [setting_out(started_s=4.75).answered(BAND)]
    )

    origin = served.provenance
    model = registry().models["chronos2"]
    assert served.raw_values == pytest.approx(BAND.values)
    assert (served.latency_ms, served.computed_at_s) == (250, 5)
    assert served.cache is None
    assert (origin.runtime, origin.model_name) == ("tollama", "chronos2")
    assert (origin.model_version, origin.license_tag) == (
        model.revision,
        model.license_tag,
    )
    assert origin.quantile_source == {0.5: "native"}
    assert origin.warnings == ("told",)
    assert (origin.batch_size, origin.n_crossings) == (7, 0)
    assert origin.fallback_reason is None


def test_where_no_model_answered_a_baseline_does() -> None:
    [served] = completer().complete([setting_out().answered(DOWN)])

    assert served.provenance.runtime == "baseline"
    assert served.provenance.model_name == "ewma"
    assert served.provenance.fallback_reason == DOWN


def test_journeys_of_both_kinds_come_back_in_order() -> None:
    ways = [
        setting_out(prepared(market_id="a")).answered(DOWN),
        setting_out(prepared(market_id="b")).answered(BAND),
        setting_out(prepared(market_id="c")).answered(DOWN),
    ]

    answers = completer().complete(ways)

    assert [answer.task.market_id for answer in answers] == ["a", "b", "c"]
    runtimes = [answer.provenance.runtime for answer in answers]
    assert runtimes == ["baseline", "tollama", "baseline"]
    ids = [answer.provenance.forecast_id for answer in answers]
    assert ids == ["forecast-1", "forecast-2", "forecast-3"]


def test_nothing_is_completed_to_nothing() -> None:
    assert completer().complete([]) == []


def test_quantiles_that_crossed_are_counted_and_told() -> None:
    crossed = RawBand(np.array([[0.5, 0.4, 0.3]] * 3), {}, (), 1)

    [served] = completer().complete([setting_out().answered(crossed)])

    assert served.provenance.n_crossings == 3
    assert served.provenance.warnings == ("quantiles_rearranged",)


def test_the_bounds_of_the_settings_are_those_of_the_band() -> None:
    settings = Settings(band=BandConfig(max_width=0.1))

    [served] = completer(settings).complete([setting_out().answered(BAND)])

    assert np.ptp(served.raw_values[0]) == pytest.approx(0.1)


def test_the_breaker_before_the_first_model_is_told() -> None:
    to_runtime = line(FakeRuntime(), Settings(breaker=BreakerConfig(max_failures=1)))
    breaker = to_runtime.new_breaker("torch")
    to_runtime.breakers["torch"] = breaker
    house = completer(lines={"tollama": to_runtime})

    [well] = house.complete([setting_out().answered(BAND)])
    breaker.settle(breaker.admit(), is_failure=True)
    [fallen] = house.complete([setting_out().answered(DOWN)])

    assert well.provenance.breaker_state == "closed"
    assert fallen.provenance.breaker_state == "open"


def test_where_the_way_led_past_no_runtime_no_breaker_is_told() -> None:
    house = completer(lines={"tollama": line(FakeRuntime())})
    asked = prepared(model=ModelChoice("baseline"))

    [of_baseline] = house.complete([Journey(asked, router().plan(asked), None, 0)])
    [of_missing] = completer().complete([setting_out().answered(DOWN)])

    assert of_baseline.provenance.breaker_state is None
    assert of_missing.provenance.breaker_state is None
