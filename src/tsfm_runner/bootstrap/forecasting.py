"""Builds the forecast service: the way of a task, and the lines to the runtimes."""

from collections.abc import Mapping
from functools import partial

from tsfm_runner.adapters.memory_cache import MemoryCache
from tsfm_runner.adapters.naming import unique_names
from tsfm_runner.bootstrap.runtimes import Runtimes, batch_limits, default_models
from tsfm_runner.bootstrap.tools import Tools
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import Rung, ServedForecast
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.ports import ForecastRuntime
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.batching import Batcher
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.breaking import Breaker
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.shadowing import Shadowing
from tsfm_runner.service.completing import Completer
from tsfm_runner.service.degrading import Degradation
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.predicting import Predictor
from tsfm_runner.service.remembering import Memory
from tsfm_runner.service.routing import Router
from tsfm_runner.service.verdict.policy import Policy


def forecast_service(  # noqa: PLR0913 - one argument a collaborator
    settings: Settings,
    registry: ModelRegistry,
    runtimes: Runtimes,
    tools: Tools,
    *,
    baselines: Baselines,
    calibrator: Calibrator,
    board: Board,
) -> ForecastService:
    """Return the service; one line of calls leads to each of the runtimes."""
    activity = Activity()
    predictors = {
        rung: _predictor(settings, rung, runtime, tools, activity)
        for rung, runtime in runtimes.items()
    }
    kept = MemoryCache[ServedForecast](settings.cache.max_bytes // 2, tools.clock)
    policy = Policy(settings.routing, tools.verdicts)
    return ForecastService(
        settings,
        router=Router(
            settings.routing,
            settings.preparation,
            registry,
            default_models(settings, runtimes),
        ),
        policy=policy,
        predictors=predictors,
        completer=_completer(
            settings, registry, tools, predictors, baselines, calibrator
        ),
        memory=Memory(
            settings.cache,
            kept,
            tools.clock,
            state_version=lambda: calibrator.version,
            policy_number=lambda: policy.number,
        ),
        activity=activity,
        telemetry=tools.teller,
        board=board,
    )


def _completer(  # noqa: PLR0913, PLR0917 - one argument a collaborator
    settings: Settings,
    registry: ModelRegistry,
    tools: Tools,
    predictors: Mapping[Rung, Predictor],
    baselines: Baselines,
    calibrator: Calibrator,
) -> Completer:
    baseline = registry.models[settings.routing.baseline_method]
    return Completer(
        settings.band,
        baselines,
        Shadowing(
            settings.band,
            baselines,
            calibrator,
            baseline,
            is_enabled=settings.calibration.shadow,
        ),
        calibrator,
        {rung: predictor.line for rung, predictor in predictors.items()},
        tools.clock,
        unique_names(),
        tools.tracer,
    )


def _predictor(
    settings: Settings,
    rung: Rung,
    runtime: ForecastRuntime,
    tools: Tools,
    activity: Activity,
) -> Predictor:
    clock, teller, metrics = tools.clock, tools.teller, tools.metrics

    def new_breaker(family: str) -> Breaker:
        metrics.breakers.enter(rung, family, 0)
        tell = partial(teller.breaker_changed, rung, family)
        breaker = Breaker(settings.breaker, clock, tell)
        metrics.breaker_open.sources[rung, family] = lambda: breaker.open_s
        return breaker

    metrics.add_runtime(rung)
    degradation = Degradation(
        settings.degradation, clock, partial(teller.mode_changed, rung)
    )
    line = RuntimeLine(
        rung,
        runtime,
        settings.resilience,
        degradation,
        new_breaker,
        {},
        teller,
        clock,
        tools.tracer,
    )
    limits = batch_limits(settings, rung)
    return Predictor(line, Batcher(line, limits, clock, activity, teller.batch_left))
