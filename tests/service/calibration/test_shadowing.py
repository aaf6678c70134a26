"""Beside every model the baseline is drawn and scored, and served to nobody."""

import numpy as np
import pytest
from tests.fakes import Answers, FakeClock, FakeLedger, FakeRuntime, FakeTelemetry
from tests.service.builders import (
    CUTOFF,
    QUICK,
    SERIES,
    calibrator,
    registry,
    service,
    task,
)

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ModelCall, ServedForecast
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.errors import RuntimeUnavailableError
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.points import MarketPoints
from tsfm_runner.service.forecasting import ForecastService


class House:
    """A service before a model, and what its ledger and its telemetry heard."""

    def __init__(self, runtime: FakeRuntime | None = None) -> None:
        settings = Settings(resilience=QUICK)
        self.ledger, self.telemetry = FakeLedger(), FakeTelemetry()
        self.learning: Calibrator = calibrator(
            settings,
            ledger=self.ledger,
            telemetry=self.telemetry,
            wall_clock=FakeClock(CUTOFF.timestamp()),
        )
        self.service: ForecastService = service(
            runtime or FakeRuntime(), settings=settings, calibrating=self.learning
        )

    async def ask(self, *choices: ModelChoice) -> list[ServedForecast]:
        tasks = [
            task(market_id=f"m{place}", model=choice)
            for place, choice in enumerate(choices)
        ]
        outcomes = await self.service.forecast_many(tasks, deadline_s=2)
        return [one for one in outcomes if isinstance(one, ServedForecast)]


async def test_beside_a_model_the_baseline_is_written_down_as_a_shadow() -> None:
    house = House()

    [answer] = await house.ask(ModelChoice())

    out, shadow = house.ledger.bands
    [alone] = await House().ask(ModelChoice("baseline"))
    assert (out.is_shadow, shadow.is_shadow) == (False, True)
    assert (out.model_name, shadow.model_name) == ("chronos2", "ewma")
    assert (out.runtime, shadow.runtime) == ("tollama", "baseline")
    assert shadow.model_version == registry().models["ewma"].revision
    assert shadow.forecast_id == out.forecast_id == answer.provenance.forecast_id
    assert np.array_equal(out.published, answer.values)
    assert np.array_equal(out.raw, answer.raw_values)
    assert np.array_equal(shadow.published, alone.values)
    assert np.array_equal(shadow.raw, alone.raw_values)


async def test_a_baseline_has_no_shadow_of_itself() -> None:
    house = House()

    await house.ask(ModelChoice("baseline", "ewma"), ModelChoice("baseline", "har"))

    assert [(one.model_name, one.is_shadow) for one in house.ledger.bands] == [
        ("ewma", False),
        ("har", False),
        ("ewma", True),
    ]


async def test_a_baseline_in_the_place_of_a_model_has_no_shadow() -> None:
    def down(_: ModelCall) -> Answers:
        raise RuntimeUnavailableError("down")

    house = House(FakeRuntime(down))

    await house.ask(ModelChoice())

    [out] = house.ledger.bands
    assert (out.model_name, out.is_shadow) == ("ewma", False)
    assert out.fallback_reason == "runtime_unavailable"


async def test_shadows_are_scored_and_breach_nothing() -> None:
    house = House()
    await house.ask(ModelChoice())

    # Far outside of either band.
    points = MarketPoints("m0", CUTOFF.timestamp() + np.array([300.0]), np.array([1.0]))
    told = house.learning.tell([points], source="observation")

    records = {one.is_shadow: one for one in house.learning.state.records()}
    [(n_steps, breaches)] = house.telemetry.scored
    assert told.n_scored == n_steps == 2
    assert (breaches.n_moderate, breaches.n_severe) == (0, 1)
    assert records[False].stream.model_name == "chronos2"
    assert records[True].stream.model_name == "ewma"
    assert records[True].served.n_closed == 0


async def test_shadows_stand_at_the_levels_that_were_asked_for() -> None:
    house = House()

    await house.service.forecast_many(
        [task(SERIES, quantile_levels=(0.05, 0.95))], deadline_s=2
    )

    assert [one.published.shape for one in house.ledger.bands] == [(3, 2), (3, 2)]
    assert {one.quantile_levels for one in house.ledger.bands} == {(0.05, 0.95)}


@pytest.mark.parametrize("horizon", [1, 5])
async def test_what_is_written_down_is_what_was_served(horizon: int) -> None:
    house = House()

    [answer] = await house.service.forecast_many([task(horizon=horizon)], deadline_s=2)

    assert isinstance(answer, ServedForecast)
    [out, _] = house.ledger.bands
    assert out.horizon == horizon
    assert (out.id, out.market_id, out.event_id) == (1, "m", None)
    assert (out.cutoff_s, out.step_s) == (CUTOFF.timestamp(), 300)
    assert (out.status, out.segment) == (
        answer.certificate.status,
        answer.certificate.segment,
    )
    assert out.state_version == answer.certificate.state_version
    assert out.recorded_at_s == CUTOFF.timestamp()
    assert np.array_equal(
        out.target, np.stack((answer.certificate.lower, answer.certificate.upper), 1)
    )
    assert len(out.scoring) == horizon
    assert out.closes_at_s is None
