"""Builds the service: runtimes, calibration, and all that is between."""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from tsfm_runner.bootstrap.calibration import (
    Watched,
    calibrator_to_ask,
    calibrator_to_keep,
    calibrator_to_warm,
    load_har_table,
)
from tsfm_runner.bootstrap.forecasting import forecast_service
from tsfm_runner.bootstrap.runtimes import Runtimes, open_runtimes
from tsfm_runner.bootstrap.tools import Purpose, Tools, checked_registry, silent_tools
from tsfm_runner.bootstrap.webhooks import delivering
from tsfm_runner.config import CacheConfig, Settings, WebhooksConfig
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import Clock
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.board.health import RuntimeHealth
from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.delivering.couriers import Couriers
from tsfm_runner.service.feed import Feed
from tsfm_runner.service.forecasting import ForecastService


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
    calibrator, signals = watched
    calibrator.drifts.when_found(feed.drifted)
    board = Board(
        settings.pages,
        settings.signals,
        signals=signals,
        notices=feed,
        wall_clock=tools.wall_clock,
    )
    service = forecast_service(
        settings,
        registry,
        runtimes,
        tools,
        baselines=baselines,
        calibrator=calibrator,
        board=board,
    )
    catalogue = Catalogue(registry, runtimes, settings.resilience.attempt_timeout_s)
    return Backend(
        service,
        calibrator,
        signals,
        catalogue,
        tools.teller,
        partial(_give_up, service),
        feed,
        board,
        RuntimeHealth(catalogue, tools.clock),
        webhooks,
    )


def _give_up(service: ForecastService) -> None:
    for predictor in service.predictors.values():
        predictor.batcher.give_up()
