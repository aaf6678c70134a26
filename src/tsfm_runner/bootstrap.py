"""Builds every object of a process from its settings; nobody else does."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from importlib.resources import files
from ipaddress import ip_address

from fastapi import FastAPI

from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.adapters.tollama import TollamaRuntime, open_session
from tsfm_runner.api.app import create_app
from tsfm_runner.config import Settings, TollamaConfig
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import ForecastRuntime
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.predicting import Predictor
from tsfm_runner.service.routing import Router


def open_backend(settings: Settings) -> AbstractAsyncContextManager[Backend]:
    """Return the use cases as a context; what they hold open is closed at its end.

    Raises ``ConfigurationError`` when registry or licences forbid the start.
    """
    return _opened(settings, _checked_registry(settings))


def build_app(settings: Settings) -> FastAPI:
    """Return the HTTP application; it opens its backend when it starts.

    Raises ``ConfigurationError`` when registry or licences forbid the start, or
    when anybody on the network could use the service.
    """
    _require_guarded(settings)
    registry = _checked_registry(settings)
    return create_app(settings, lambda: _opened(settings, registry))


def _require_guarded(settings: Settings) -> None:
    host, auth = settings.server.host, settings.auth
    if not (_is_loopback(host) or auth.keys or auth.allow_anonymous):
        raise ConfigurationError(
            f"server.host is {host}, which others can reach: set auth.keys, "
            "or auth.allow_anonymous to serve everybody"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_registry(settings: Settings) -> ModelRegistry:
    registry = load_registry(settings.models_file, settings.environment)
    if settings.tollama.url is not None and not registry.is_allowed(
        settings.tollama.model
    ):
        raise ConfigurationError(
            f"tollama.model is {settings.tollama.model}, which "
            f"{settings.environment} does not allow"
        )
    return registry


@asynccontextmanager
async def _opened(
    settings: Settings, registry: ModelRegistry
) -> AsyncIterator[Backend]:
    async with AsyncExitStack() as held:
        runtimes: dict[Rung, ForecastRuntime] = {}
        if settings.tollama.url is not None:
            runtimes["tollama"] = await _open_tollama(held, settings.tollama)
        yield _backend(settings, registry, runtimes)


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
            RuntimeLine(
                runtime,
                settings.resilience,
                asyncio.Semaphore(settings.tollama.max_connections),
            ),
            settings.tollama.max_series_per_call,
            settings.resilience.max_split_calls,
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
