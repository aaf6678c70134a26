"""``gate``: may the next stage of a rollout begin, or must this one end."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.live import Live

from tsfm_runner.adapters.download import public_name
from tsfm_runner.adapters.gate_samples import GateSamples
from tsfm_runner.adapters.ledger.place import data_folder
from tsfm_runner.adapters.live_figures import LiveFigures
from tsfm_runner.cli.cycle_options import parse_interval
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.gate_report import as_document, as_line, as_tables
from tsfm_runner.cli.invocation import load_for, print_json, print_json_line
from tsfm_runner.cli.service_options import (
    TokenEnvOption,
    UrlOption,
    checked_url,
    headers_of,
)
from tsfm_runner.config import GateConfig, ServerConfig
from tsfm_runner.domain.gating import Decision, GateRuling, Reading, Stage
from tsfm_runner.errors import InvalidTaskError, ServiceUnreachableError
from tsfm_runner.service.gate.ruling import rule
from tsfm_runner.service.routing import BASELINE_METHODS

_FILE = "gate.db"
_DAY_S = 86_400
_PAUSE_S = 0.5
_CODES: dict[Decision, ExitCode] = {
    "PASS": ExitCode.OK,
    "ROLLBACK": ExitCode.FAILED,
    "WAIT": ExitCode.WAIT,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Post:
    """Where the gate stands: before which service, at which stage, by which rules."""

    url: str
    headers: dict[str, str]
    samples: GateSamples
    stage: Stage
    config: GateConfig

    @property
    def service(self) -> str:
        """The address of the service, without anything secret."""
        return public_name(self.url).rstrip("/")

    @asynccontextmanager
    async def open_figures(self) -> AsyncIterator[LiveFigures]:
        """Hold the connection to the service open."""
        async with aiohttp.ClientSession(headers=self.headers) as session:
            yield LiveFigures(
                session,
                self.url,
                baselines=BASELINE_METHODS,
                timeout_s=self.config.timeout_s,
                wall_clock=time.time,
            )


def gate(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    stage: Annotated[Stage, typer.Option(help="Stage that the service is at.")],
    url: UrlOption = None,
    token_env: TokenEnvOption = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            help="File of readings, SQLite; unset: gate.db in the user's data folder."
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Read on and on until PASS or ROLLBACK.")
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(help="Time between readings, as 10s or 5m; with --watch.  [1m]"),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print a JSON document; with --watch, one a line."),
    ] = False,
) -> None:
    """Read the live figures of a service, and say whether a rollout may go on.

    PASS (exit code 0): all limits held over a full window. ROLLBACK (1): one is
    broken beyond doubt. WAIT (5): neither, yet. Each reading is kept, and windows are
    made of them, so run it every minute, or with --watch. A service that cannot be
    read ends with 1, and without a decision. Without --url it is the one of the
    settings.
    """
    settings = load_for(context).settings
    if every is not None and not watch:
        raise InvalidTaskError("--every", "needs --watch")
    config = settings.gate
    post = _Post(
        checked_url(url) or own_url(settings.server),
        headers_of(token_env),
        GateSamples(
            samples or data_folder() / _FILE,
            keep_s=config.keep_days * _DAY_S,
            most=config.max_readings,
        ),
        stage,
        config,
    )
    if watch:
        every_s = parse_interval(every or "1m") or 0.0
        code = asyncio.run(_until_stopped(post, every_s, as_json=as_json))
    else:
        code = asyncio.run(_once(post, as_json=as_json))
    if code != ExitCode.OK:
        raise typer.Exit(code)


def own_url(server: ServerConfig) -> str:
    """Return where the service of the settings is found on this machine."""
    host = server.host
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{server.port}"
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - of IP
    return (
        f"http://[{host}]:{server.port}"
        if ":" in host
        else f"http://{host}:{server.port}"
    )


async def _once(post: _Post, *, as_json: bool) -> ExitCode:
    async with post.open_figures() as figures:
        ruling = await _look(post, figures)
    if as_json:
        print_json(as_document(ruling, post.service))
    else:
        Console().print(as_tables(ruling))
    return _CODES[ruling.decision]


async def _until_stopped(post: _Post, every_s: float, *, as_json: bool) -> ExitCode:
    """Return the code of the decision; of none yet where a signal ends it."""
    task = asyncio.ensure_future(_watch(post, every_s, as_json=as_json))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return _CODES[await task]
    except asyncio.CancelledError:
        typer.echo("stopped: nothing was decided", err=True)
        return ExitCode.WAIT


async def _watch(post: _Post, every_s: float, *, as_json: bool) -> Decision:
    """Look again and again until there is a decision; tell of each look."""
    next_s = time.monotonic()
    with _teller(post, as_json=as_json) as tell:
        async with post.open_figures() as figures:
            while True:
                ruling = await _look(post, figures)
                tell(ruling)
                if ruling.decision != "WAIT":
                    return ruling.decision
                next_s = max(next_s + every_s, time.monotonic())
                await asyncio.sleep(next_s - time.monotonic())


@contextmanager
def _teller(post: _Post, *, as_json: bool) -> Generator[Callable[[GateRuling], None]]:
    """Yield what draws a table anew each time; where nobody looks, writes lines."""
    console = Console()
    if as_json:
        yield lambda ruling: print_json_line(as_document(ruling, post.service))
    elif not console.is_terminal:
        yield lambda ruling: typer.echo(as_line(ruling))
    else:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda ruling: live.update(as_tables(ruling), refresh=True)


async def _look(post: _Post, figures: LiveFigures) -> GateRuling:
    reading = await _read(figures, patience_s=post.config.patience_s)
    readings = post.samples.add(post.service, reading)
    return rule(readings, post.stage, post.config)


async def _read(figures: LiveFigures, *, patience_s: float) -> Reading:
    """Read a service, again and again for a while: it may be starting anew."""
    until_s = time.monotonic() + patience_s
    is_told = False
    while True:
        try:
            return await figures.read()
        except ServiceUnreachableError as failure:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise ServiceUnreachableError(
                    f"{failure}; nothing was decided"
                ) from failure
            if not is_told:
                typer.echo(f"{failure}; asking for {left_s:.0f} s more", err=True)
                is_told = True
            await asyncio.sleep(min(_PAUSE_S, left_s))
