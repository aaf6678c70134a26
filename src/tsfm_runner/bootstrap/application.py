"""Builds the HTTP application around the service."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
)
from importlib.metadata import version
from ipaddress import ip_address
from typing import TextIO

from structlog.typing import FilteringBoundLogger

from tsfm_runner.adapters.key_ring import WatchedKeys
from tsfm_runner.adapters.memory_cache import MemoryCache
from tsfm_runner.adapters.naming import unique_names
from tsfm_runner.adapters.rate_limits import RateLimits
from tsfm_runner.adapters.telemetry import MetricFigures, Metrics, Teller, open_log
from tsfm_runner.adapters.watched_verdict import WatchedVerdict
from tsfm_runner.api.app import Application, create_app
from tsfm_runner.api.watch import Watch
from tsfm_runner.api.writing import Written
from tsfm_runner.bootstrap.backend import opened
from tsfm_runner.bootstrap.runtimes import Runtimes
from tsfm_runner.bootstrap.tools import Tools, checked_registry
from tsfm_runner.bootstrap.tracing import Tracing, open_tracing
from tsfm_runner.config import AuthConfig, CacheConfig, Settings
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import Clock
from tsfm_runner.service.backend import Backend


def build_app(  # noqa: PLR0913 - one keyword for each thing that is handed in
    settings: Settings,
    *,
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
    log_stream: TextIO | None = None,
    runtimes: Runtimes | None = None,
    tracing: Tracing | None = None,
) -> Application:
    """Return the HTTP application; it opens its backend when it starts.

    ``runtimes`` and ``tracing`` stand in the place of those that the settings name.

    Raises ``ConfigurationError`` when registry, licences or keys forbid the start,
    when anybody on the network could use the service, or when it would ask itself.
    """
    log = open_log(settings.log, log_stream or sys.stderr)
    keys = WatchedKeys(settings.auth, log)
    _require_guarded(settings, keys)
    _require_no_echo(settings)
    registry = checked_registry(settings)
    metrics = Metrics()
    teller = Teller(metrics, log, known_models=registry.models)
    verdicts = WatchedVerdict(settings.routing, settings.verdict, log)
    tracing = tracing or open_tracing(settings.tracing)
    tools = Tools(clock, wall_clock, teller, metrics, verdicts, "keep", tracing.tracer)
    app = create_app(
        settings,
        lambda: _logged(
            opened(settings, registry, tools, runtimes), settings, log, tracing
        ),
        keys=keys,
        limiter=_limiter(settings.auth, keys, clock),
        watch=_watch_with(tools, settings.cache),
    )
    _show_gauges(metrics, app, settings, started_at_s=wall_clock())
    return app


def _watch_with(tools: Tools, cache: CacheConfig) -> Watch:
    clock, metrics = tools.clock, tools.metrics
    return Watch(
        tools.teller,
        metrics.exposition,
        MemoryCache[Written](cache.max_bytes // 2, clock),
        clock,
        unique_names(),
        tools.wall_clock,
        MetricFigures(metrics, clock),
        tools.tracer,
    )


def _show_gauges(
    metrics: Metrics, app: Application, settings: Settings, *, started_at_s: float
) -> None:
    metrics.watch(
        "tsfm_requests_in_flight",
        "Forecast requests at work.",
        lambda: app.edge.n_in_flight,
    )
    metrics.watch(
        "tsfm_streams_open",
        "Streams of server-sent events that are open.",
        lambda: app.site.state.streams.n_open,
    )
    metrics.watch(
        "tsfm_start_time_seconds",
        "When these counters began, in seconds since 1970.",
        lambda: started_at_s,
    )
    metrics.watch(
        "tsfm_rollout_percent",
        "Share of markets that may reach a model.",
        lambda: settings.routing.rollout_percent,
    )


def _require_guarded(settings: Settings, keys: WatchedKeys) -> None:
    host, auth = settings.server.host, settings.auth
    if keys.is_empty and not (_is_loopback(host) or auth.allow_anonymous):
        raise ConfigurationError(
            f"server.host is {host}, which others can reach: set auth.keys, "
            "or auth.allow_anonymous to serve everybody"
        )


def _require_no_echo(settings: Settings) -> None:
    url, server = settings.tollama.url, settings.server
    if not server.tollama_api or url is None or url.port != server.port:
        return
    host = (url.host or "").strip("[]")
    if host == server.host or _is_loopback(host):
        raise ConfigurationError(
            f"tollama.url is {url}, where this service itself would answer "
            "(server.tollama_api): it would ask itself without end"
        )


def _limiter(auth: AuthConfig, keys: WatchedKeys, clock: Clock) -> RateLimits:
    unknown = sorted(auth.rates_per_minute.keys() - keys.names)
    if unknown:
        known = ", ".join(sorted(keys.names)) or "none"
        raise ConfigurationError(
            f"auth.rates_per_minute names {', '.join(unknown)}, which no key has "
            f"(keys: {known})"
        )
    return RateLimits(auth, clock)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@asynccontextmanager
async def _logged(
    opening: AbstractAsyncContextManager[Backend],
    settings: Settings,
    log: FilteringBoundLogger,
    tracing: Tracing,
) -> AsyncIterator[Backend]:
    async with tracing.closing(), opening as backend:
        log.info(
            "started",
            version=version("tsfm-runner"),
            environment=settings.environment,
            runtimes=list(backend.catalogue.runtimes),
        )
        yield backend
    log.info("stopped")
