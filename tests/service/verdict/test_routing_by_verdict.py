"""The service obeys the verdict, says so, and learns of models it does not serve."""

from typing import Any

import numpy as np
import pytest
from tests.fakes import Answers, FakeClock, FakeLedger, FakeRuntime, FakeVerdicts
from tests.service.builders import (
    CUTOFF,
    calibrator,
    prepared,
    registry,
    revision,
    router,
    service,
    task,
)
from tests.service.verdict.samples import KEY, decided, verdict

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import FallbackReason, ModelCall, ServedForecast
from tsfm_runner.domain.ledger import ForecastEntry
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.errors import RuntimeUnavailableError
from tsfm_runner.service.calibration.describing import segments_at
from tsfm_runner.service.verdict.policy import Policy

HERE = KEY._replace(segment=segments_at([prepared()])[0].name)
PROVEN = verdict(decided(key=HERE, better_baseline="har"))
LET_GO = verdict(decided(key=HERE, is_proven=False, better_baseline="har"))
POLICY = FallbackReason.ROUTE_POLICY

Step = tuple[str, bool, str | None, str | None]


def down(_: ModelCall) -> Answers:
    raise RuntimeUnavailableError("down")


class House:
    """A service that goes by a verdict, before a model; and what its ledger heard."""

    def __init__(
        self,
        verdicts: FakeVerdicts,
        runtime: FakeRuntime | None = None,
        *,
        calibration: Any = None,  # noqa: ANN401 - settings are any
        **routing: Any,  # noqa: ANN401 - settings are any
    ) -> None:
        usual: dict[str, Any] = {
            "policy": "proven",
            "verdict_file": "verdict.yaml",
            "explore_percent": 0,
        }
        settings = Settings.model_validate(
            {
                "resilience": {"max_retries": 0},
                "routing": usual | routing,
                "calibration": calibration or {},
            }
        )
        self.ledger, self.runtime = FakeLedger(), runtime or FakeRuntime()
        self.learning = calibrator(
            settings, ledger=self.ledger, wall_clock=FakeClock(CUTOFF.timestamp())
        )
        self.service = service(
            self.runtime,
            settings=settings,
            calibrating=self.learning,
            verdicts=verdicts,
        )

    async def ask(self, **fields: Any) -> ServedForecast:  # noqa: ANN401
        [outcome] = await self.service.forecast_many([task(**fields)], deadline_s=2)
        assert isinstance(outcome, ServedForecast)
        return outcome

    @property
    def bands(self) -> list[tuple[str, str, bool]]:
        return [(one.runtime, one.model_name, one.is_shadow) for one in self.written]

    @property
    def written(self) -> list[ForecastEntry]:
        return self.ledger.bands


def told(served: ServedForecast) -> list[Step]:
    return [
        (step.rung, step.is_taken, step.reason, step.detail)
        for step in served.provenance.route
    ]


async def test_a_proven_model_answers_and_the_route_says_that_it_is() -> None:
    served = await House(FakeVerdicts(PROVEN)).ask()

    assert served.provenance.model_name == "chronos2"
    assert served.provenance.fallback_reason is None
    assert told(served) == [("tollama", True, None, "proven")]


async def test_elsewhere_the_better_baseline_of_the_segment_does() -> None:
    house = House(FakeVerdicts(LET_GO))

    served = await house.ask()

    assert served.provenance.model_name == "har"
    assert served.provenance.fallback_reason is POLICY
    assert told(served) == [
        ("tollama", False, POLICY, "not_proven: not_better"),
        ("baseline", True, None, None),
    ]
    assert house.runtime.calls == []


async def test_without_a_verdict_the_configured_baseline_does() -> None:
    served = await House(FakeVerdicts(), baseline_method="kalman").ask()

    assert served.provenance.model_name == "kalman"
    assert told(served)[0] == ("tollama", False, POLICY, "not_proven: no_verdict")


async def test_a_proven_model_that_fails_gives_way_to_the_better_baseline() -> None:
    served = await House(FakeVerdicts(PROVEN), FakeRuntime(down)).ask()

    assert served.provenance.model_name == "har"
    assert told(served) == [
        ("tollama", False, FallbackReason.RUNTIME_UNAVAILABLE, "proven"),
        ("baseline", True, None, None),
    ]


async def test_a_baseline_by_name_is_the_one_that_was_asked_for() -> None:
    served = await House(FakeVerdicts(LET_GO)).ask(
        model=ModelChoice("auto", "rolling_quantile")
    )

    assert served.provenance.model_name == "rolling_quantile"
    assert told(served) == [("baseline", True, None, None)]


async def test_who_names_a_provider_gets_the_model() -> None:
    served = await House(FakeVerdicts(LET_GO), rollout_percent=0).ask(
        model=ModelChoice("tollama")
    )

    assert told(served) == [("tollama", True, None, None)]


async def test_outside_of_the_rollout_no_model_is_asked() -> None:
    house = House(FakeVerdicts(PROVEN), rollout_percent=0, explore_percent=100)

    served = await house.ask()

    assert told(served)[0] == ("tollama", False, POLICY, "not_in_rollout")
    assert served.provenance.model_name == "har"
    assert house.runtime.calls == []


async def test_the_data_of_a_task_go_before_the_policy() -> None:
    served = await House(FakeVerdicts(LET_GO)).ask(prices=[0.4] * 5)

    assert told(served)[0] == ("tollama", False, FallbackReason.TOO_FEW_POINTS, None)


async def test_what_was_kept_is_not_served_once_the_verdict_has_changed() -> None:
    verdicts = FakeVerdicts(PROVEN)
    house = House(verdicts)

    first, again = await house.ask(), await house.ask()
    verdicts.tell(LET_GO)
    after, later = await house.ask(), await house.ask()

    assert (first.cache is None, again.cache is None) == (True, False)
    assert (after.cache is None, later.cache is None) == (True, False)
    assert (again.provenance.runtime, after.provenance.runtime) == (
        "tollama",
        "baseline",
    )


def test_a_lower_rung_is_served_only_where_it_is_proven_too() -> None:
    small = revision("small", provider="embedded")
    proven_below = verdict(
        decided(key=HERE, is_proven=False),
        decided(key=HERE._replace(model_name="small")),
    )
    settings = Settings.model_validate(
        {"routing": {"policy": "proven", "verdict_file": "f", "explore_percent": 0}}
    )
    way = router(
        settings,
        models=registry(small),
        rungs={"tollama": "chronos2", "embedded": "small"},
    )

    def plan(verdicts: FakeVerdicts) -> list[tuple[str, str | None]]:
        asked = prepared()
        [outlook] = Policy(settings.routing, verdicts).outlooks([asked])
        route = way.plan(asked, outlook)
        if route.target.rung == "tollama":
            route = route.skip(FallbackReason.RUNTIME_TIMEOUT)
        return [(step.rung, step.detail) for step in route.steps]

    assert plan(FakeVerdicts(proven_below)) == [
        ("tollama", "not_proven: not_better"),
        ("embedded", "proven"),
    ]
    assert plan(FakeVerdicts(PROVEN)) == [
        ("tollama", "proven"),
        ("embedded", "not_proven: no_verdict"),
        ("baseline", None),
    ]


async def test_an_explored_model_is_asked_and_recorded_but_not_served() -> None:
    house = House(FakeVerdicts(LET_GO), explore_percent=100)

    served = await house.ask()

    assert told(served) == [
        ("tollama", False, POLICY, "not_proven: not_better; explored"),
        ("baseline", True, None, None),
    ]
    assert house.bands == [
        ("baseline", "har", False),
        ("baseline", "ewma", True),
        ("tollama", "chronos2", True),
    ]
    assert len(house.runtime.calls) == 1
    assert {one.forecast_id for one in house.written} == {served.provenance.forecast_id}
    [out, _, explored] = house.written
    assert np.array_equal(out.published, served.values)
    assert explored.raw[0] == pytest.approx(0.43 + np.array([-0.08, 0, 0.08]), abs=0.02)


async def test_exploring_does_not_change_the_answer() -> None:
    plain = await House(FakeVerdicts(LET_GO)).ask()
    explored = await House(FakeVerdicts(LET_GO), explore_percent=100).ask()

    assert np.array_equal(plain.values, explored.values)


async def test_a_model_that_fails_when_it_is_explored_leaves_no_band() -> None:
    house = House(FakeVerdicts(LET_GO), FakeRuntime(down), explore_percent=100)

    served = await house.ask()

    assert served.provenance.fallback_reason is POLICY
    why = "not_proven: not_better; explored: runtime_unavailable"
    assert told(served)[0] == ("tollama", False, POLICY, why)
    assert [name for _, name, _ in house.bands] == ["har", "ewma"]


async def test_explored_and_served_series_share_a_call() -> None:
    both = verdict(
        decided(key=HERE, is_proven=False),
        decided(key=HERE._replace(segment=segments_at([prepared([0.5] * 60)])[0].name)),
    )
    house = House(FakeVerdicts(both), explore_percent=100)

    answers = await house.service.forecast_many(
        [task(), task([0.5] * 60, market_id="still")], deadline_s=2
    )

    [call] = house.runtime.calls
    assert len(call.series) == 2
    assert [
        one.provenance.runtime for one in answers if isinstance(one, ServedForecast)
    ] == ["baseline", "tollama"]


async def test_without_room_for_models_none_is_explored() -> None:
    house = House(FakeVerdicts(LET_GO), explore_percent=100)

    [served] = await house.service.forecast_many(
        [task()], deadline_s=2, is_overloaded=True
    )

    assert isinstance(served, ServedForecast)
    assert told(served)[0][-1] == "not_proven: not_better; explored: overloaded"
    assert house.runtime.calls == []


async def test_beside_a_model_stand_the_configured_baseline_and_the_better_one() -> (
    None
):
    house = House(FakeVerdicts(PROVEN))

    await house.ask()

    assert house.bands == [
        ("tollama", "chronos2", False),
        ("baseline", "ewma", True),
        ("baseline", "har", True),
    ]


async def test_where_shadows_are_off_explored_models_are_recorded_all_the_same() -> (
    None
):
    house = House(
        FakeVerdicts(LET_GO), explore_percent=100, calibration={"shadow": False}
    )

    await house.ask()

    assert house.bands == [("baseline", "har", False), ("tollama", "chronos2", True)]


async def test_an_explored_model_learns_from_what_became_of_it() -> None:
    house = House(FakeVerdicts(LET_GO), explore_percent=100)
    await house.ask()

    await house.ask(
        prices=[*([0.4] * 58), 0.41, 0.42, 0.43],
        cutoff=CUTOFF.replace(minute=15),
    )

    shadows = {
        one.stream.model_name for one in house.learning.state.records() if one.is_shadow
    }
    assert shadows == {"chronos2", "ewma"}
