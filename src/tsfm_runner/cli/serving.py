"""Run the service inside this process, on an address that is already bound."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar, cast

import uvicorn

from tsfm_runner.api.app import Application
from tsfm_runner.bootstrap import build_app
from tsfm_runner.cli.joined_writes import joined_http
from tsfm_runner.config import Settings
from tsfm_runner.errors import ConfigurationError, TsfmError
from tsfm_runner.ports import Clock

_POLL_S = 0.01
_DRAIN_S = 0.2
_GIVE_UP_SHARE = 0.75
Result = TypeVar("Result")


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; raise ``OSError`` where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family)
    # Connections inherit it. Without it the body of an answer waits 40 ms for the
    # other side to acknowledge the head.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run until complete in the fastest event loop that is installed."""
    factory = uvicorn.Config("").get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def url_of(bound: socket.socket) -> str:
    """Return the address of the service behind a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def running_service(
    settings: Settings,
    bound: socket.socket,
    *,
    access_log: bool = False,
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
) -> AsyncIterator[asyncio.Task[None]]:
    """Yield the task that serves, once it answers; stop it at the end.

    SIGINT and SIGTERM end the task as well: requests in flight are answered
    within the grace period of the settings. An error of ours that ends its start is
    raised as it is.
    """
    app = build_app(settings, clock=clock, wall_clock=wall_clock)
    grace_s = settings.server.shutdown_grace_s
    config = uvicorn.Config(
        app.edge,
        http=cast("type[asyncio.Protocol]", joined_http),
        log_level="info" if access_log else "warning",
        access_log=access_log,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(grace_s - _DRAIN_S)),
    )
    server = uvicorn.Server(config)
    _leave_gently(server, app, grace_s)
    with _failures_of(app) as failures:
        serving = asyncio.create_task(_serve(server, bound))
        while not (  # noqa: ASYNC110 - uvicorn tells no other way that it has started
            server.started or serving.done()
        ):
            await asyncio.sleep(_POLL_S)
    if not server.started:
        raise (
            failures[0]
            if failures
            else ConfigurationError("the service did not start; the log says why")
        )
    try:
        yield serving
    finally:
        app.end_streams()
        server.should_exit = True
        await serving


async def _serve(server: uvicorn.Server, bound: socket.socket) -> None:
    # The start that fails ends in an exit of the whole process, past who began it.
    with suppress(SystemExit):
        await server.serve(sockets=[bound])


@contextmanager
def _failures_of(app: Application) -> Generator[list[TsfmError]]:
    """Yield a list that takes the error of ours that ends a start, if one does.

    Told by whoever began it, such an error needs no traceback in the log.
    """
    failures: list[TsfmError] = []
    router, log = app.site.router, logging.getLogger("uvicorn.error")
    whole = router.lifespan_context

    @asynccontextmanager
    async def noted(site: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - as in starlette
        try:
            async with whole(site) as state:
                yield state
        except TsfmError as failure:
            failures.append(failure)
            raise

    def is_news(_: logging.LogRecord) -> bool:
        return not failures

    router.lifespan_context = noted
    log.addFilter(is_news)
    try:
        yield failures
    finally:
        log.removeFilter(is_news)


def _leave_gently(server: uvicorn.Server, app: Application, grace_s: float) -> None:
    """Let a signal ask callers to leave first, and cut long waits short in time.

    For a moment answers close their connections, so that no request is on its way
    when the server closes those that are left; streams end. Near the end of the grace
    period a baseline answers whoever still waits for a model.
    """
    loop = asyncio.get_running_loop()
    stop = server.handle_exit
    leaving: list[int] = []

    def give_up() -> None:
        app.site.state.backend.give_up()

    def leave(sig: int, frame: FrameType | None) -> None:
        leaving.append(sig)
        if len(leaving) > 1:  # once more: at once
            server.force_exit = True
            stop(sig, frame)
            return
        app.edge.drain()
        loop.call_soon_threadsafe(app.end_streams)
        loop.call_soon_threadsafe(loop.call_later, _DRAIN_S, stop, sig, frame)
        give_up_s = max(_DRAIN_S, _GIVE_UP_SHARE * grace_s)
        loop.call_soon_threadsafe(loop.call_later, give_up_s, give_up)

    server.handle_exit = leave  # type: ignore[method-assign]
