"""The double of the tollama daemon with one more route: ``PUT /fault/NAME``.

A fault begins and ends while it runs; a restart would open the service's breaker
first, and what the fault does would never be seen.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from aiohttp import web

from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    create_fake_tollama,
    running_fake_tollama,
    set_fault,
)

NO_FAULT = "none"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _serve(options: FakeTollamaOptions, port: int) -> None:
    app = create_fake_tollama(options)

    @web.middleware
    async def steer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != "PUT":
            return await handler(request)
        name = request.path.removeprefix("/fault/")
        set_fault(app, None if name == NO_FAULT else Fault(name))
        return web.Response()

    # Outside of the double's own edge, which knows no other route than the daemon.
    app.middlewares.insert(0, steer)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_fake_tollama(app, port=port):
        await stop.wait()


def main(
    *,
    port: Annotated[int, typer.Option(help="Port of the loopback to bind.")],
    latency_ms: Annotated[float, typer.Option(help="Time of each call.")] = 5.0,
) -> None:
    """Serve until SIGTERM."""
    asyncio.run(_serve(FakeTollamaOptions(latency_ms=latency_ms), port))


if __name__ == "__main__":
    typer.run(main)
