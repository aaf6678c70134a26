"""What a study asks for is what the service would answer, fallbacks and all."""

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest
from tests.adapters.embedded.stored import store_model
from tests.cli.cycle_inputs import runtime_beside
from tests.evaluation import recordings
from tests.evaluation.recordings import STEP_S, make_market, make_markets
from tests.evaluation.studies import (
    TOLD,
    bands_of,
    baselines,
    planned,
    studied,
)

from tsfm_runner.adapters.ray_workers import RayWorkers
from tsfm_runner.bootstrap.studying import (
    draw_served,
    fingerprint_of,
    make_design,
    make_models,
    open_workers,
)
from tsfm_runner.config import (
    CalibrationConfig,
    EmbeddedConfig,
    RoutingConfig,
    Settings,
    TollamaConfig,
)
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.errors import (
    ConfigurationError,
    InvalidTaskError,
    ModelNotAllowedError,
    StudyError,
)
from tsfm_runner.evaluation.design import Design, Model, Part, parts_of
from tsfm_runner.evaluation.drawing import panel_of, windows_of
from tsfm_runner.evaluation.panel import origins_of
from tsfm_runner.evaluation.study import Plan
from tsfm_runner.facade import forecast
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, Fault

LEVELS = (0.1, 0.5, 0.9)
HORIZON = 2
MARKETS = make_markets(3, n_points=50)
[PART] = parts_of(MARKETS)
N_YOUNG = 3 * 30  # origins with fewer than the 32 points that a model is asked with
N_OLD = 3 * 19
DEAD = "http://127.0.0.1:9"
MOCK = ModelChoice("tollama", "mock")
CHRONOS = ModelChoice("tollama", "chronos2")
LADDER = ModelChoice()
MINI = ModelChoice(name="tsfm-mini")
EMBEDDED = ModelChoice("embedded")
EWMA = ModelChoice(name="ewma")

Drawn = dict[str, np.ndarray]


def settings_for(url: str | None, **sections: Any) -> Settings:  # noqa: ANN401
    """Return settings with a daemon and nothing else, or with our own models only."""
    given: dict[str, Any] = {
        "tollama": TollamaConfig.model_validate({"url": url}),
        "embedded": EmbeddedConfig(enabled=url is None),
    }
    return Settings(**(given | sections))


def design_for(settings: Settings) -> Design:
    return make_design(settings, horizon=HORIZON, quantile_levels=LEVELS)


def drawn(url: str, choice: ModelChoice, **sections: Any) -> Drawn:  # noqa: ANN401
    """Return what a model draws of all markets."""
    settings = settings_for(url, **sections)
    [model] = make_models(settings, [choice])
    return model.draw(PART, design_for(settings))


def answered(found: Drawn) -> Counter[tuple[str, str]]:
    """Return how often which model answered, for which reason."""
    names = found["model_names"][found["models"]][:, 0].tolist()
    return Counter(zip(names, found["reasons"].tolist(), strict=True))


@pytest.fixture(scope="module")
def runtime() -> Iterator[str]:
    with runtime_beside(FakeTollamaOptions()) as url:
        yield url


def test_the_design_is_that_of_the_service() -> None:
    mine, shipped = design_for(Settings()), recordings.make_design(horizon=HORIZON)

    assert pickle.dumps(mine.har_table) == pickle.dumps(shipped.har_table)
    assert mine.priors.keys() == shipped.priors.keys()


def test_levels_may_be_computed() -> None:
    levels = tuple(np.arange(1, 10) * 0.1)

    design = make_design(Settings(), horizon=2, quantile_levels=levels)

    assert design.quantile_levels == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def test_without_calibration_there_is_nothing_to_study() -> None:
    disabled = Settings(calibration=CalibrationConfig(enabled=False))

    with pytest.raises(ConfigurationError, match=r"calibration\.enabled is false"):
        design_for(disabled)


def test_baselines_need_no_runtime() -> None:
    models = make_models(
        Settings(routing=RoutingConfig(baseline_method="har")),
        [
            ModelChoice(name="ewma"),
            ModelChoice("baseline", "kalman"),
            ModelChoice("baseline"),
        ],
    )

    assert [(one.name, one.revision, one.is_baseline) for one in models] == [
        ("ewma", "1", True),
        ("kalman", "1", True),
        ("har", "1", True),
    ]


@pytest.mark.parametrize(
    ("choice", "name", "revision"),
    [
        (CHRONOS, "chronos2", "main"),
        (ModelChoice(name="chronos2"), "chronos2", "main"),
        (ModelChoice("tollama"), "chronos2", "main"),
        (ModelChoice("tollama", "chronos2", "v9"), "chronos2", "v9"),
        (ModelChoice("tollama", "mine"), "mine", "unknown"),
        (LADDER, "ladder", "unknown"),
    ],
)
def test_a_model_goes_by_its_name_and_revision(
    choice: ModelChoice, name: str, revision: str
) -> None:
    [model] = make_models(settings_for(DEAD), [choice])

    assert (model.name, model.revision, model.is_baseline) == (name, revision, False)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (CHRONOS, "tollama.url is not set: nothing answers for chronos2"),
        (LADDER, "no runtime is configured: nothing answers for ladder"),
        (MINI, "embedded.enabled is false: nothing answers for tsfm-mini"),
        (EMBEDDED, "embedded.enabled is false: nothing answers for tsfm-mini"),
    ],
)
def test_a_model_needs_a_runtime(choice: ModelChoice, told: str) -> None:
    nothing = Settings(embedded=EmbeddedConfig(enabled=False))

    with pytest.raises(ConfigurationError) as caught:
        make_models(nothing, [choice])

    assert str(caught.value) == told


@pytest.mark.parametrize(
    "choice", [MINI, EMBEDDED, ModelChoice("embedded", "tsfm-mini", "1")]
)
def test_a_model_of_the_package_needs_no_daemon(choice: ModelChoice) -> None:
    [model] = make_models(Settings(), [choice])

    assert (model.name, model.revision, model.is_baseline) == ("tsfm-mini", "1", False)


def test_our_own_model_draws_without_a_service_what_the_service_answers() -> None:
    settings = settings_for(None)
    [model] = make_models(settings, [MINI])

    direct = model.draw(PART, design_for(settings))
    served = draw_served(
        PART, design_for(settings), choice=EMBEDDED, own=("tsfm-mini", "1")
    )

    assert answered(direct) == {
        ("tsfm-mini", ""): N_OLD,
        ("ewma", "too_few_points"): N_YOUNG,
    }
    np.testing.assert_allclose(direct["values"], served.pop("values"), atol=1e-6)
    for name, found in served.items():
        np.testing.assert_array_equal(direct[name], found)


def test_without_a_daemon_the_ladder_is_that_of_our_own_model() -> None:
    settings = settings_for(None)
    [model] = make_models(settings, [LADDER])

    assert answered(model.draw(PART, design_for(settings))) == {
        ("tsfm-mini", ""): N_OLD,
        ("ewma", "too_few_points"): N_YOUNG,
    }


def test_models_of_the_user_are_studied_by_revision(tmp_path: Path) -> None:
    for revision in ("1", "2"):
        store_model(tmp_path, name="mine", revision=revision)
    settings = Settings(embedded=EmbeddedConfig(models_dir=tmp_path))

    [newest] = make_models(settings, [ModelChoice(name="mine")])
    [older] = make_models(settings, [ModelChoice("embedded", "mine", "1")])

    assert (newest.revision, older.revision) == ("2", "1")
    assert answered(older.draw(PART, design_for(settings)))["mine", ""] == N_OLD
    with pytest.raises(ConfigurationError, match="mine in revision 3 is stored"):
        make_models(settings, [ModelChoice("embedded", "mine", "3")])


def test_a_model_that_changes_while_it_is_studied_is_told(tmp_path: Path) -> None:
    settings = Settings(embedded=EmbeddedConfig(models_dir=tmp_path))
    store_model(tmp_path, name="mine")
    [model] = make_models(settings, [ModelChoice(name="mine")])
    rmtree(tmp_path / "mine")
    store_model(tmp_path, name="mine", slope=0.25)

    with pytest.raises(StudyError, match="is not the one that the study began with"):
        model.draw(PART, design_for(settings))


def test_an_own_model_that_is_not_stored_is_asked_as_the_service_asks_it() -> None:
    choice = ModelChoice("embedded", "absent")
    [model] = make_models(Settings(), [choice])

    found = answered(model.draw(PART, design_for(settings_for(None))))

    assert found["ewma", "model_not_installed"] == N_OLD


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidTaskError, match="must not name ewma twice"):
        make_models(
            Settings(), [ModelChoice(name="ewma"), ModelChoice("baseline", "ewma")]
        )


def test_a_model_whose_licence_forbids_it_is_refused() -> None:
    settings = settings_for(DEAD, environment="prod")

    with pytest.raises(ModelNotAllowedError, match="moirai"):
        make_models(settings, [ModelChoice("tollama", "moirai-2.0-R-small")])


@pytest.mark.parametrize("choice", [CHRONOS, LADDER, ModelChoice(name="ewma")])
def test_a_model_can_be_sent_to_another_process(choice: ModelChoice) -> None:
    [model] = make_models(settings_for(DEAD), [choice])

    assert pickle.loads(pickle.dumps(model)).name == model.name  # noqa: S301 - our own


def test_work_is_done_here_unless_a_cluster_is_named() -> None:
    with open_workers(ray=None, n_workers=3) as workers:
        assert workers.n_workers == 3
    assert isinstance(open_workers(ray="auto", n_workers=None), RayWorkers)


def test_values_come_from_the_runtime(runtime: str) -> None:
    """The mock repeats the last price, which no baseline does at every level."""
    found = drawn(runtime, MOCK)

    panel = panel_of(PART.markets, design_for(Settings()), step_s=STEP_S)
    prices = panel.prices[origins_of(panel).places].astype(np.float32)
    is_own = found["models"] == 0
    assert answered(found) == {("mock", ""): N_OLD, ("ewma", "too_few_points"): N_YOUNG}
    assert found["values"].shape == (N_OLD + N_YOUNG, HORIZON, len(LEVELS))
    assert found["values"].dtype == np.float32
    medians = found["values"][is_own][:, :, 1]
    np.testing.assert_allclose(
        medians, np.repeat(prices[is_own, None], HORIZON, axis=1), atol=1e-6
    )


def test_they_are_what_anybody_is_answered_who_asks_then(runtime: str) -> None:
    settings = settings_for(runtime, calibration=CalibrationConfig(enabled=False))
    design = design_for(Settings())
    panel = panel_of(PART.markets, design, step_s=STEP_S)
    origins, windows = origins_of(panel), windows_of(panel, design)

    found = drawn(runtime, CHRONOS)["values"]

    for row in (0, 31, 48, 49 + 40, 2 * 49 + 5):
        place = origins.places[[row]]
        answer = forecast(
            {"asked": windows.contexts(place)[0]},
            freq="5m",
            horizon=HORIZON,
            quantile_levels=LEVELS,
            model="tollama:chronos2",
            as_of=datetime.fromtimestamp(int(origins.steps[row]) * STEP_S, UTC),
            settings=settings,
        )
        np.testing.assert_allclose(found[row], answer["asked"].values, atol=1e-4)


def test_the_ladder_tells_who_answered(runtime: str) -> None:
    assert answered(drawn(runtime, LADDER)) == {
        ("chronos2", ""): N_OLD,
        ("ewma", "too_few_points"): N_YOUNG,
    }


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (ModelChoice(name="chronos2"), "chronos2"),
        (ModelChoice("tollama"), "chronos2"),
        (LADDER, "ewma"),
    ],
)
@pytest.mark.parametrize(
    "routing",
    [
        RoutingConfig(rollout_percent=0),
        RoutingConfig(policy="proven", verdict_file=Path("absent.yaml")),
    ],
)
def test_only_the_ladder_goes_by_verdict_and_rollout(
    runtime: str, choice: ModelChoice, name: str, routing: RoutingConfig
) -> None:
    found = answered(drawn(runtime, choice, routing=routing))

    assert sum(found[name, why] for why in ("", "route_policy")) == N_OLD


async def test_a_notebook_whose_loop_is_running_may_ask(runtime: str) -> None:
    assert answered(drawn(runtime, CHRONOS))["chronos2", ""] == N_OLD


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.INTERNAL, "runtime_unavailable"),
        (Fault.FORECAST_ERROR, "runtime_protocol"),
    ],
)
def test_what_a_failing_runtime_leaves_undone_is_told_with_its_reason(
    fault: Fault, reason: str
) -> None:
    with runtime_beside(FakeTollamaOptions(fault=fault)) as url:
        found = drawn(url, CHRONOS)

    assert answered(found) == {
        ("ewma", reason): N_OLD,
        ("ewma", "too_few_points"): N_YOUNG,
    }


def test_one_bad_answer_is_not_laid_upon_the_others() -> None:
    with runtime_beside(FakeTollamaOptions(fault=Fault.NAN)) as url:
        found = answered(drawn(url, CHRONOS))

    assert found["ewma", "invalid_output"] == 1
    assert found["chronos2", ""] == N_OLD - 1


def test_what_the_service_refuses_is_no_study() -> None:
    with pytest.raises(InvalidTaskError, match="must be one of ewma"):
        drawn(DEAD, ModelChoice("baseline", "nothing"))


def model_of(url: str, choice: ModelChoice) -> Model:
    [model] = make_models(settings_for(url), [choice])
    return model


def calibrated(
    markets: Sequence[RecordedMarket],
    url: str,
    choice: ModelChoice,
    *,
    horizon: int = HORIZON,
) -> dict[str, np.ndarray]:
    design = replace(design_for(settings_for(url)), horizon=horizon)
    return bands_of(markets, model_of(url, choice), design)


def test_a_model_that_never_answers_is_counted_and_calibrated_as_what_did() -> None:
    plan = planned(MARKETS, [model_of(DEAD, CHRONOS)], design_for(settings_for(DEAD)))

    study = studied(plan)

    assert study.fallbacks == {
        ("chronos2", STEP_S): {
            "runtime_unavailable": N_OLD,
            "too_few_points": N_YOUNG,
        }
    }
    served = calibrated(MARKETS, DEAD, CHRONOS)
    for name, bands in calibrated(MARKETS, DEAD, EWMA).items():
        np.testing.assert_array_equal(served[name], bands)


def test_each_model_of_the_ladder_learns_from_its_own_bands_alone(
    runtime: str,
) -> None:
    """The baseline answers until the 32nd price, and as if there was nothing else."""
    old, *young = (
        make_market(f"m{place}", off_grid(place, n_prices), first=first, tick=None)
        for place, (n_prices, first) in enumerate([(60, 0), (31, 20), (31, 25)])
    )
    grown = replace(old, times_s=old.times_s[:32], prices=old.prices[:32])

    ladder = calibrated([old, *young], runtime, LADDER, horizon=1)
    baseline = calibrated([grown, *young], runtime, EWMA, horizon=1)
    longer = calibrated([old, *young], runtime, EWMA, horizon=1)

    np.testing.assert_array_equal(ladder["m0"][:30], baseline["m0"][:30])
    for one in young:
        name = one.market_id
        np.testing.assert_array_equal(ladder[name], baseline[name])
        assert (longer[name] != baseline[name]).any()


def off_grid(seed: int, n_prices: int) -> np.ndarray:
    moves = np.random.default_rng(seed).normal(0, 0.01, n_prices)
    return np.clip(0.5 + np.cumsum(moves), 0.1, 0.9)


def other_settings(plan: Plan, **sections: Any) -> Plan:  # noqa: ANN401
    settings = plan.design.settings.model_copy(update=sections)
    return replace(plan, design=replace(plan.design, settings=settings))


def regrouped(plan: Plan) -> tuple[Part, ...]:
    """Return the parts without the last market, as if it had another step."""
    *others, last = plan.parts
    return (*others, replace(last, markets=last.markets[:-1]))


@pytest.fixture(scope="module")
def plan() -> Plan:
    models = [model_of(DEAD, CHRONOS), *baselines("ewma", "har")]
    return planned(MARKETS, models[1:], design_for(settings_for(DEAD)))


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: replace(plan, models=plan.models[::-1]),
        lambda plan: replace(plan, models=plan.models[:1]),
        lambda plan: replace(plan, models=(*plan.models, model_of(DEAD, CHRONOS))),
        lambda plan: replace(plan, keeps_bands=False),
        lambda plan: replace(plan, parts=regrouped(plan)),
        lambda plan: replace(plan, split=replace(plan.split, seed=2)),
        lambda plan: replace(plan, split=replace(plan.split, name="event")),
        lambda plan: replace(plan, design=replace(plan.design, horizon=3)),
        lambda plan: replace(
            plan, design=replace(plan.design, quantile_levels=(0.1, 0.4, 0.5, 0.6, 0.9))
        ),
        lambda plan: other_settings(
            plan, calibration=CalibrationConfig(target_coverage=0.8)
        ),
    ],
)
def test_whatever_changes_the_results_of_a_study_changes_its_name(
    plan: Plan, change: Callable[[Plan], Plan]
) -> None:
    before = fingerprint_of(plan, TOLD)

    assert fingerprint_of(plan, TOLD) == before
    assert fingerprint_of(change(plan), TOLD) != before


def test_other_data_are_another_study(plan: Plan) -> None:
    others = replace(TOLD, sha256="1" * 64)

    assert fingerprint_of(plan, others) != fingerprint_of(plan, TOLD)


def test_how_a_model_is_asked_belongs_to_the_name_of_its_study(plan: Plan) -> None:
    ways = [
        other_settings(replace(plan, models=(model_of(DEAD, choice),)), **sections)
        for choice in (CHRONOS, ModelChoice(name="chronos2"))
        for sections in ({}, {"routing": RoutingConfig(baseline_method="har")})
    ]

    assert len({fingerprint_of(one, TOLD) for one in ways}) == len(ways)


def test_settings_that_only_models_look_at_change_nothing_for_baselines(
    plan: Plan,
) -> None:
    other = other_settings(plan, routing=RoutingConfig(baseline_method="har"))

    assert fingerprint_of(other, TOLD) == fingerprint_of(plan, TOLD)
