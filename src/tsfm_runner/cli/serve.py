"""``serve``: answer over HTTP until Ctrl-C or SIGTERM."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Coroutine
from typing import Annotated, Any

import typer

from tsfm_runner.cli.demo import forecast_first_cycle
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import load_for
from tsfm_runner.cli.serving import bind, run, running_service, url_of
from tsfm_runner.config import Settings

_GC_THRESHOLDS = (20_000, 50, 50)


def serve(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(help="Address to bind.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Log a line for each request.")
    ] = False,
    demo_markets: Annotated[
        int, typer.Option(min=0, help="Simulated markets to forecast at the start.")
    ] = 0,
    tollama_api: Annotated[
        bool, typer.Option("--tollama-api", help="Answer clients of tollama as well.")
    ] = False,
) -> None:
    """Serve the HTTP API until Ctrl-C or SIGTERM."""
    flags = {
        "server.host": host,
        "server.port": port,
        "server.tollama_api": tollama_api or None,
    }
    settings = load_for(context, flags).settings
    try:
        run(_serve(settings, access_log=access_log, demo_markets=demo_markets))
    except OSError as exc:
        where = f"{settings.server.host}:{settings.server.port}"
        typer.echo(f"error: cannot listen on {where}: {exc.strerror}", err=True)
        raise typer.Exit(ExitCode.FAILED) from exc


async def _serve(settings: Settings, *, access_log: bool, demo_markets: int) -> None:
    # uvicorn takes these signals over while it serves, and raises them once more
    # when it has stopped; by then there is nothing left to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with bind(settings.server.host, settings.server.port) as bound:
        url = url_of(bound)
        async with running_service(settings, bound, access_log=access_log) as serving:
            if demo_markets:
                demo = forecast_first_cycle(url, demo_markets, settings)
                await _unless_done(serving, demo)
            _spare_collector()
            if not serving.done():
                typer.echo(f"Serving on {url} (try {url}/docs). Ctrl-C stops.")
            await serving
    typer.echo("stopped", err=True)


def _spare_collector() -> None:
    """Let the garbage collector look less often, and never at what stays for good.

    Thousands of kept answers are not garbage, and to look through all of them time
    and again cost a tenth of the time of a request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


async def _unless_done(
    serving: Awaitable[None], work: Coroutine[Any, Any, None]
) -> None:
    """Do the work, but drop it when the serving ends first."""
    task = asyncio.create_task(work)
    waiting = (asyncio.ensure_future(serving), task)
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        await task
    else:
        task.cancel()
