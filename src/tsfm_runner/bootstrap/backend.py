"""Builds the service: runtimes, calibration, and all that is between."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from functools import partial

from tsfm_runner.adapters.memory_cache import MemoryCache
from tsfm_runner.adapters.naming import unique_names
from tsfm_runner.bootstrap.calibration import (
    Watched,
    calibrator_to_ask,
    calibrator_to_keep,
    calibrator_to_warm,
    load_har_table,
)
from tsfm_runner.bootstrap.runtimes import (
    Runtimes,
    batch_limits,
    default_models,
    open_runtimes,
)
from tsfm_runner.bootstrap.tools import (
    Purpose,
    Tools,
    checked_registry,
    silent_tools,
)
from tsfm_runner.bootstrap.webhooks import delivering
from tsfm_runner.config import CacheConfig, Settings, WebhooksConfig
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.forecast import Rung, ServedForecast
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import Clock, ForecastRuntime
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.batching import Batcher
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.board.health import RuntimeHealth
from tsfm_runner.service.breaking import Breaker
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.shadowing import Shadowing
from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.completing import Completer
from tsfm_runner.service.degrading import Degradation
from tsfm_runner.service.delivering.couriers import Couriers
from tsfm_runner.service.feed import Feed
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.predicting import Predictor
from tsfm_runner.service.remembering import Memory
from tsfm_runner.service.routing import Router
from tsfm_runner.service.verdict.policy import Policy


def open_backend(
    settings: Settings,
    *,
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
    runtimes: Runtimes | None = None,
    keeps: bool = False,
) -> AbstractAsyncContextManager[Backend]:
    """Return the use cases as a context; what they hold open is closed at its end.

    Nothing is logged: who calls a function has its answer to look at. ``runtimes``
    stand in the place of those that the settings name. With ``keeps`` the ledger is
    written to; else what it holds is only made use of, and nothing is remembered.

    Raises ``ConfigurationError`` when registry or licences forbid the start, and
    ``CalibrationStateError`` when what was learned before cannot be read.
    """
    registry = checked_registry(settings)
    purpose: Purpose = "keep" if keeps else "ask"
    tools = silent_tools(settings, registry, clock, wall_clock, purpose)
    return opened(settings, registry, tools, runtimes)


def open_warming(
    settings: Settings, *, clock: Clock, is_fresh: bool
) -> AbstractAsyncContextManager[Backend]:
    """Return the use cases as a context in which baselines learn from history.

    What the ledger holds is gone on from, or with ``is_fresh`` left aside; at the end
    the state is written, and nothing else. The clock tells the time of the history.

    Raises what `open_backend` does, ``ConfigurationError`` where nothing is learned,
    and ``LedgerInUseError`` while a service writes to the ledger.
    """
    calibration = settings.calibration
    if not calibration.enabled:
        raise ConfigurationError("calibration.enabled is false: nothing is learned")
    changes = {
        "cache": CacheConfig(ttl_s=0),
        "calibration": calibration.model_copy(update={"shadow": False}),
    }
    registry = checked_registry(settings)
    purpose: Purpose = "warm anew" if is_fresh else "warm"
    tools = silent_tools(settings, registry, clock, clock, purpose)
    return opened(settings.model_copy(update=changes), registry, tools, runtimes={})


@asynccontextmanager
async def opened(
    settings: Settings,
    registry: ModelRegistry,
    tools: Tools,
    runtimes: Runtimes | None,
) -> AsyncIterator[Backend]:
    """Hold everything open that the use cases need, and yield them."""
    async with AsyncExitStack() as held:
        await held.enter_async_context(tools.verdicts.watched())
        if runtimes is None:
            runtimes = await open_runtimes(held, settings, registry, tools.clock)
        har_table = load_har_table()
        feed = Feed()
        held.callback(feed.close)
        watched = await _open_calibrator(held, settings, har_table, tools, feed)
        webhooks = await held.enter_async_context(
            delivering(
                settings.webhooks if tools.purpose == "keep" else WebhooksConfig(),
                ledger=watched.calibrator.ledger,
                feed=feed,
                tools=tools,
            )
        )
        backend = _backend(
            settings,
            registry,
            runtimes,
            tools,
            baselines=Baselines(settings.baseline, har_table),
            watched=watched,
            feed=feed,
            webhooks=webhooks,
        )
        held.push_async_callback(backend.health.close)
        yield backend


async def _open_calibrator(
    held: AsyncExitStack,
    settings: Settings,
    table: HarTable,
    tools: Tools,
    feed: Feed,
) -> Watched:
    if tools.purpose == "ask":
        return held.enter_context(calibrator_to_ask(settings, table, tools.teller))
    if tools.purpose == "keep":
        return await held.enter_async_context(
            calibrator_to_keep(settings, table, tools, feed)
        )
    return held.enter_context(calibrator_to_warm(settings, table, tools, feed))


def _backend(  # noqa: PLR0913 - one argument a collaborator
    settings: Settings,
    registry: ModelRegistry,
    runtimes: Runtimes,
    tools: Tools,
    *,
    baselines: Baselines,
    watched: Watched,
    feed: Feed,
    webhooks: Couriers,
) -> Backend:
    activity = Activity()
    calibrator, signals = watched
    calibrator.drifts.when_found(feed.drifted)
    board = Board(
        settings.pages,
        settings.signals,
        signals=signals,
        notices=feed,
        wall_clock=tools.wall_clock,
    )
    predictors = {
        rung: _predictor(settings, rung, runtime, tools, activity)
        for rung, runtime in runtimes.items()
    }
    kept = MemoryCache[ServedForecast](settings.cache.max_bytes // 2, tools.clock)
    policy = Policy(settings.routing, tools.verdicts)
    service = ForecastService(
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

    def give_up() -> None:
        for predictor in predictors.values():
            predictor.batcher.give_up()

    catalogue = Catalogue(registry, runtimes, settings.resilience.attempt_timeout_s)
    health = RuntimeHealth(catalogue, tools.clock)
    return Backend(
        service,
        calibrator,
        signals,
        catalogue,
        tools.teller,
        give_up,
        feed,
        board,
        health,
        webhooks,
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
