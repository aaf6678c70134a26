"""Builds every object of a process from its settings; nobody else does."""

import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI

from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.adapters.tollama import TollamaRuntime, open_session
from tsfm_runner.api.app import create_app
from tsfm_runner.config import Settings, TollamaConfig
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.ports import ForecastRuntime
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.predicting import Predictor
from tsfm_runner.service.routing import Router


@asynccontextmanager
async def open_backend(settings: Settings) -> AsyncIterator[Backend]:
    """Yield the use cases; what they hold open is closed at the end.

    Raises ``ConfigurationError`` when registry or licences forbid the start.
    """
    registry = load_registry(settings.models_file, settings.environment)
    async with AsyncExitStack() as held:
        runtimes: dict[Rung, ForecastRuntime] = {}
        if settings.tollama.url is not None:
            registry.require_allowed(settings.tollama.model)
            runtimes["tollama"] = await _open_tollama(held, settings.tollama)
        yield _backend(settings, registry, runtimes)


def build_app(settings: Settings) -> FastAPI:
    """Return the HTTP application; it opens its backend when it starts."""
    return create_app(settings, lambda: open_backend(settings))


async def _open_tollama(held: AsyncExitStack, config: TollamaConfig) -> TollamaRuntime:
    session = open_session(
        str(config.url),
        token=config.token.get_secret_value() if config.token else None,
        max_connections=config.max_connections,
    )
    await held.enter_async_context(session)
    return TollamaRuntime(
        session, daemon_timeout_s=config.daemon_timeout_s, clock=time.monotonic
    )


def _backend(
    settings: Settings,
    registry: ModelRegistry,
    runtimes: dict[Rung, ForecastRuntime],
) -> Backend:
    default_models: dict[Rung, str] = {"tollama": settings.tollama.model}
    router = Router(
        settings.routing,
        settings.preparation,
        registry,
        {rung: default_models[rung] for rung in runtimes},
    )
    predictors = {
        rung: Predictor(
            runtime, settings.resilience, settings.tollama.max_series_per_call
        )
        for rung, runtime in runtimes.items()
    }
    table = files("tsfm_runner") / "data" / "har.json"
    service = ForecastService(
        settings,
        router,
        predictors,
        Baselines(
            settings.baseline, HarTable.from_mapping(json.loads(table.read_text()))
        ),
        time.monotonic,
        lambda: uuid.uuid4().hex,
    )
    timeout_s = settings.resilience.attempt_timeout_s
    return Backend(service, Catalogue(registry, runtimes, timeout_s))
