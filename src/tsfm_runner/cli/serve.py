"""``serve``: answer over HTTP until Ctrl-C or SIGTERM."""

import asyncio
import gc
import signal
import time
import webbrowser
from typing import Annotated, NamedTuple

import aiohttp
import typer

from tsfm_runner.cli.demo import (
    Demo,
    LivingDemo,
    demo_session,
    settings_for_demo,
)
from tsfm_runner.cli.demo_clock import DemoClock
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import load_for
from tsfm_runner.cli.serving import bind, run, running_service, url_of
from tsfm_runner.config import AuthConfig, Settings
from tsfm_runner.service.meanwhile import meanwhile

_GC_THRESHOLDS = (20_000, 50, 50)


class _Wanted(NamedTuple):
    """What is done beside serving."""

    access_log: bool
    opens_pages: bool
    demo: Demo | None


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
        int, typer.Option(min=0, help="Simulated markets that live on meanwhile.")
    ] = 0,
    demo_speed: Annotated[
        float, typer.Option(min=0.1, help="Seconds that 5 minutes of theirs take.")
    ] = 2.0,
    demo_seed: Annotated[
        int, typer.Option(min=0, help="Same seed, same simulated markets.")
    ] = 7,
    open_pages: Annotated[
        bool, typer.Option("--open", help="Open the pages in a browser.")
    ] = False,
    tollama_api: Annotated[
        bool, typer.Option("--tollama-api", help="Answer clients of tollama as well.")
    ] = False,
) -> None:
    """Serve the HTTP API and the pages until Ctrl-C or SIGTERM.

    With --demo-markets simulated markets are forecast beside it: their time passes
    faster, for the whole process, and what they leave is kept in memory unless
    store.url is set.
    """
    flags = {
        "server.host": host,
        "server.port": port,
        "server.tollama_api": tollama_api or None,
    }
    loaded = load_for(context, flags)
    demo = Demo(demo_markets, demo_speed, demo_seed) if demo_markets else None
    settings = settings_for_demo(loaded) if demo else loaded.settings
    wanted = _Wanted(access_log=access_log, opens_pages=open_pages, demo=demo)
    try:
        run(_serve(settings, wanted))
    except OSError as exc:
        where = f"{settings.server.host}:{settings.server.port}"
        typer.echo(f"error: cannot listen on {where}: {exc.strerror}", err=True)
        raise typer.Exit(ExitCode.FAILED) from exc


async def _serve(settings: Settings, wanted: _Wanted) -> None:
    # uvicorn takes these signals over while it serves, and raises them once more
    # when it has stopped; by then there is nothing left to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    clock = time.time if wanted.demo is None else wanted.demo.new_clock()
    with bind(settings.server.host, settings.server.port) as bound:
        url = url_of(bound)
        async with running_service(
            settings, bound, access_log=wanted.access_log, wall_clock=clock
        ) as serving:
            typer.echo(f"Open {url}")
            if wanted.opens_pages:
                await asyncio.to_thread(webbrowser.open, url)
            if wanted.demo is None or not isinstance(clock, DemoClock):
                _tell_ready(f"Serving on {url} (try {url}/docs). Ctrl-C stops.")
                await serving
            else:
                async with meanwhile(_live(wanted.demo, clock, url, settings.auth)):
                    await serving
    typer.echo("stopped", err=True)


async def _live(demo: Demo, clock: DemoClock, url: str, auth: AuthConfig) -> None:
    """Let the markets of a demo live until cancelled."""
    async with demo_session(auth) as session:
        living = LivingDemo(demo, clock, session, url)
        try:
            await living.warm_up()
            _tell_ready(f"Serving on {url} with {demo.told}. Ctrl-C stops.")
            await living.live()
        except aiohttp.ClientResponseError as exc:
            said = f"the service answered {exc.status}"
            typer.echo(f"the markets of the demo stand still: {said}", err=True)


def _tell_ready(message: str) -> None:
    _spare_collector()
    typer.echo(message)


def _spare_collector() -> None:
    """Let the garbage collector look less often, and never at what stays for good.

    Thousands of kept answers are not garbage, and to look through all of them time
    and again cost a tenth of the time of a request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
