"""The double as an application, and as a server that runs for a while."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web

from tsfm_runner.testing.fake_tollama import forecast_route, model_routes, pull_route
from tsfm_runner.testing.fake_tollama.edge import MEMORY, edge
from tsfm_runner.testing.fake_tollama.options import FakeTollamaOptions, Fault, Memory

_SHUTDOWN_GRACE_S = 3.0


def create_fake_tollama(options: FakeTollamaOptions) -> web.Application:
    """Return a double that has just been started."""
    # The daemon reads bodies of any size that come in chunks; see ``edge``.
    app = web.Application(middlewares=[edge], client_max_size=0)
    app[MEMORY] = Memory.of(options)
    app.add_routes(
        [
            web.get("/v1/health", model_routes.health),
            web.get("/health/live", model_routes.health),
            web.get("/health/ready", model_routes.ready),
            web.get("/api/version", model_routes.version),
            web.get("/openapi.json", model_routes.openapi),
            web.get("/v1/models", model_routes.list_available),
            web.get("/api/tags", model_routes.list_installed),
            web.get("/api/ps", model_routes.list_loaded),
            web.post("/api/show", model_routes.show),
            web.post("/api/pull", pull_route.pull),
            web.post("/v1/forecast", forecast_route.forecast_json),
            web.post("/api/forecast", forecast_route.forecast_any),
        ]
    )
    app.on_shutdown.append(_release)
    return app


def set_fault(app: web.Application, fault: Fault | None, *, rate: float = 1.0) -> None:
    """Let a share of all later forecasts go wrong in one way, or none of them."""
    app[MEMORY].fault = fault
    app[MEMORY].fault_rate = rate


def set_latency(app: web.Application, latency_ms: float) -> None:
    """Let the model work for so long on each later request."""
    memory = app[MEMORY]
    memory.options = replace(memory.options, latency_ms=latency_ms)


@asynccontextmanager
async def running_fake_tollama(
    options: FakeTollamaOptions | web.Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncGenerator[str]:
    """Serve a double and give its base URL; hand in an application to steer it."""
    app = (
        options
        if isinstance(options, web.Application)
        else create_fake_tollama(options)
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_GRACE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address = runner.addresses[0]
        yield f"http://{address[0]}:{address[1]}"
    finally:
        await runner.cleanup()


async def _release(app: web.Application) -> None:
    """Let go of the requests that hang."""
    app[MEMORY].is_closing.set()
