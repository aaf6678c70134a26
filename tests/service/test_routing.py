from typing import Any

import numpy as np
import pytest
from tests.service.builders import prepared, registry, revision, router

from tsfm_runner.config import LadderOverride, RoutingConfig, Settings
from tsfm_runner.domain.forecast import FallbackReason, Rung
from tsfm_runner.domain.model import Capabilities
from tsfm_runner.domain.task import MarketFacts, ModelChoice
from tsfm_runner.errors import InvalidTaskError, ModelNotAllowedError
from tsfm_runner.service.routing import Route

LONG_GAP = [0.1, *[np.nan] * 13, *[0.4] * 40]


def with_routing(**fields: Any) -> Settings:  # noqa: ANN401
    return Settings(routing=RoutingConfig(**fields))


def told(route: Route) -> list[tuple[str, bool, str | None]]:
    return [(step.rung, step.is_taken, step.reason) for step in route.steps]


def test_the_first_configured_rung_is_tried_first() -> None:
    route = router().plan(prepared())

    assert route.target.model.name == "chronos2"
    assert route.fallback_reason is None


def test_rungs_that_are_not_configured_are_passed_over_silently() -> None:
    route = router(rungs={}).plan(prepared())

    assert told(route) == [("baseline", True, None)]
    assert route.fallback_reason is None


@pytest.mark.parametrize(
    ("prices", "facts", "reason"),
    [
        ([0.4] * 31, MarketFacts(), FallbackReason.TOO_FEW_POINTS),
        (LONG_GAP, MarketFacts(), FallbackReason.MAX_GAP_EXCEEDED),
        (
            [0.4] * 40,
            MarketFacts(liquidity_bucket="low"),
            FallbackReason.BASELINE_ONLY_LIQUIDITY,
        ),
    ],
)
def test_some_data_are_for_a_baseline(
    prices: list[float], facts: MarketFacts, reason: FallbackReason
) -> None:
    route = router().plan(prepared(prices, facts=facts))

    assert told(route) == [("tollama", False, reason), ("baseline", True, None)]
    assert route.fallback_reason == reason


def test_the_reason_is_told_even_where_no_model_is_configured() -> None:
    route = router(rungs={}).plan(prepared([0.4] * 5))

    assert route.fallback_reason == FallbackReason.TOO_FEW_POINTS
    assert told(route) == [("baseline", True, FallbackReason.TOO_FEW_POINTS)]


@pytest.mark.parametrize("name", ["chronos2", "mystery"])
def test_a_named_model_that_nothing_could_serve_is_told(name: str) -> None:
    route = router(rungs={}).plan(prepared(model=ModelChoice(name=name)))

    assert told(route) == [
        ("tollama", False, FallbackReason.RUNTIME_UNAVAILABLE),
        ("baseline", True, None),
    ]


TWO_RUNGS: dict[Rung, str] = {"tollama": "chronos2", "embedded": "mini"}
MINI = revision("mini", provider="embedded", revision="1")


def test_the_next_rung_has_a_model_of_its_own() -> None:
    route = router(rungs=TWO_RUNGS, models=registry(MINI)).plan(prepared())

    fallen = route.skip(FallbackReason.RUNTIME_TIMEOUT)

    assert route.target.model.name == "chronos2"
    assert (fallen.target.rung, fallen.target.model.name) == ("embedded", "mini")
    assert fallen.fallback_reason == FallbackReason.RUNTIME_TIMEOUT


@pytest.mark.parametrize(
    ("name", "rung"), [("chronos2", "tollama"), ("mini", "embedded")]
)
def test_a_named_model_is_asked_only_where_it_runs(name: str, rung: str) -> None:
    routes = router(rungs=TWO_RUNGS, models=registry(MINI))

    route = routes.plan(prepared(model=ModelChoice(name=name)))

    assert (route.target.rung, route.target.model.name) == (rung, name)
    assert route.skip(FallbackReason.RUNTIME_TIMEOUT).target.rung == "baseline"


def test_a_named_model_that_nobody_knows_is_asked_everywhere() -> None:
    routes = router(rungs=TWO_RUNGS, models=registry(MINI))

    route = routes.plan(prepared(model=ModelChoice(name="mystery")))

    assert told(route.skip(FallbackReason.MODEL_NOT_INSTALLED)) == [
        ("tollama", False, FallbackReason.MODEL_NOT_INSTALLED),
        ("embedded", True, None),
    ]


@pytest.mark.parametrize(
    ("version", "reason"), [("1", None), ("2", FallbackReason.MODEL_NOT_INSTALLED)]
)
def test_another_revision_than_that_in_the_process_is_not_there(
    version: str, reason: FallbackReason | None
) -> None:
    routes = router(rungs=TWO_RUNGS, models=registry(MINI))
    choice = ModelChoice("embedded", "mini", version)

    route = routes.plan(prepared(model=choice))

    assert route.fallback_reason == reason


def test_nothing_stands_below_the_baseline() -> None:
    settings = with_routing(ladder=["baseline", "tollama"])

    assert told(router(settings).plan(prepared())) == [("baseline", True, None)]


def test_which_liquidity_is_for_a_baseline_is_configurable() -> None:
    settings = with_routing(baseline_only_liquidity=["mid"])
    facts = MarketFacts(liquidity_bucket="low")

    route = router(settings).plan(prepared(facts=facts))

    assert route.target.rung == "tollama"


def test_the_ladder_is_configurable() -> None:
    route = router(with_routing(ladder=["baseline"])).plan(prepared())

    assert told(route) == [("baseline", True, None)]


def test_the_method_of_the_baseline_rung_is_configurable() -> None:
    settings = with_routing(ladder=["baseline"], baseline_method="har")

    assert router(settings).plan(prepared()).target.model.name == "har"


@pytest.mark.parametrize(
    ("facts", "rung"),
    [
        (MarketFacts(category="sports"), "baseline"),
        (MarketFacts(category="politics"), "tollama"),
        (MarketFacts(), "tollama"),
    ],
)
def test_a_category_may_have_a_ladder_of_its_own(facts: MarketFacts, rung: str) -> None:
    override = LadderOverride(category="sports", ladder=("baseline",))

    route = router(with_routing(overrides=(override,))).plan(prepared(facts=facts))

    assert route.target.rung == rung
    if rung == "baseline":
        assert route.fallback_reason == FallbackReason.ROUTE_POLICY


def test_a_ladder_of_its_own_ends_at_its_baseline_too() -> None:
    override = LadderOverride(category="sports", ladder=("baseline", "tollama"))
    settings = with_routing(overrides=(override,))

    route = router(settings).plan(prepared(facts=MarketFacts(category="sports")))

    assert route.fallback_reason == FallbackReason.ROUTE_POLICY


def test_a_liquidity_may_have_a_ladder_of_its_own() -> None:
    override = LadderOverride(liquidity_bucket="mid", ladder=("baseline",))
    settings = with_routing(overrides=(override,))

    route = router(settings).plan(prepared(facts=MarketFacts(liquidity_bucket="mid")))

    assert route.fallback_reason == FallbackReason.ROUTE_POLICY


@pytest.mark.parametrize("provider", ["baseline", "auto"])
def test_a_baseline_may_be_asked_for_by_name(provider: Any) -> None:  # noqa: ANN401
    choice = ModelChoice(provider, "kalman")

    route = router().plan(prepared([0.4] * 5, model=choice))

    assert route.target.model.name == "kalman"
    assert route.fallback_reason is None


def test_a_baseline_without_a_name_is_the_configured_one() -> None:
    route = router().plan(prepared(model=ModelChoice("baseline")))

    assert route.target.model.name == "ewma"


def test_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(InvalidTaskError, match="ewma, kalman, rolling_quantile, har"):
        router().plan(prepared(model=ModelChoice("baseline", "arima")))


def test_a_runtime_that_is_not_configured_forbids_nothing() -> None:
    models = registry(environment="prod")

    route = router(models=models).plan(prepared(model=ModelChoice("embedded")))

    assert route.fallback_reason == FallbackReason.RUNTIME_UNAVAILABLE


def test_a_runtime_that_is_asked_for_but_not_configured_is_told() -> None:
    route = router().plan(prepared(model=ModelChoice("embedded")))

    assert told(route) == [
        ("embedded", False, FallbackReason.RUNTIME_UNAVAILABLE),
        ("baseline", True, None),
    ]


@pytest.mark.parametrize(
    "capabilities", [Capabilities(max_horizon=2), Capabilities(quantile_levels="none")]
)
def test_a_model_that_cannot_do_it_is_skipped_by_policy(
    capabilities: Capabilities,
) -> None:
    models = registry(revision("small", capabilities=capabilities))
    choice = ModelChoice("tollama", "small")

    route = router(models=models).plan(prepared(model=choice))

    assert route.fallback_reason == FallbackReason.ROUTE_POLICY


def test_an_unknown_model_is_served_in_dev_with_an_unknown_licence() -> None:
    route = router().plan(prepared(model=ModelChoice("auto", "chronos")))

    assert route.target.model.license_tag == "unknown"
    assert route.target.model.revision == "unknown"


def test_another_revision_has_an_unknown_licence() -> None:
    choice = ModelChoice("tollama", "chronos2", "2027")

    model = router().plan(prepared(model=choice)).target.model

    assert (model.revision, model.license_tag) == ("2027", "unknown")


def test_the_known_revision_keeps_its_licence() -> None:
    choice = ModelChoice("tollama", "chronos2", "main")

    model = router().plan(prepared(model=choice)).target.model

    assert model.license_tag == "commercial_ok"


@pytest.mark.parametrize(
    "choice",
    [
        ModelChoice("tollama", "mock"),
        ModelChoice("tollama", "chronos2", "2027"),
        ModelChoice("auto", None, "2027"),
    ],
)
def test_production_refuses_what_the_licence_list_does_not_name(
    choice: ModelChoice,
) -> None:
    models = registry(revision("mock"), environment="prod")

    with pytest.raises(ModelNotAllowedError, match="allowed are: chronos2"):
        router(models=models).plan(prepared(model=choice))


def test_production_refuses_a_named_model_even_where_no_runtime_could_serve_it() -> (
    None
):
    models = registry(revision("mock"), environment="prod")
    task = prepared(model=ModelChoice("auto", "mock"))

    with pytest.raises(ModelNotAllowedError, match="mock is not allowed in prod"):
        router(models=models, rungs={}).plan(task)


def test_the_first_reason_on_the_way_is_the_fallback_reason() -> None:
    route = router().plan(prepared())

    fallen = route.skip(FallbackReason.RUNTIME_TIMEOUT)

    assert fallen.target.rung == "baseline"
    assert fallen.fallback_reason == FallbackReason.RUNTIME_TIMEOUT
