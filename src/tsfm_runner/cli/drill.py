"""``drill``: let everything go wrong around the service, and check every answer."""

import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.progress import Progress

from tsfm_runner.cli.drill_report import document, print_tables
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.serving import bind, run, running_service, url_of
from tsfm_runner.cli.simulated_requests import requests_of, simulated_day
from tsfm_runner.config import Settings
from tsfm_runner.testing.drill import (
    PHASES,
    Daemon,
    Drill,
    JumpingClock,
    Load,
    Phase,
    PhaseReport,
    Questions,
    Scene,
    Trouble,
    drill_settings,
    running_daemon,
    with_limits,
)
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions

_END = datetime(2026, 1, 1, tzinfo=UTC)
_N_MARKETS = 64
_CALL_MS = 50.0
_PATIENCE_S = 10.0


def drill(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    only: Annotated[
        list[Trouble] | None,
        typer.Option(help="Trouble to make; repeat for more; unset: every one."),
    ] = None,
    requests: Annotated[
        int, typer.Option(min=1, help="Requests to send in each trouble.")
    ] = 48,
    concurrency: Annotated[int, typer.Option(min=4, help="Requests at a time.")] = 8,
    full: Annotated[
        bool, typer.Option("--full", help="Keep the times of the settings.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let everything go wrong around the service, and check every answer.

    The service runs in this process, a double of the tollama daemon in one of its
    own. Every answer must be a valid band with an honest label, and models must
    answer again soon after each trouble. Times are short unless `--full`.
    """
    own = load_for(context).settings
    load = Load(requests, concurrency)
    phases = [phase for name, phase in PHASES.items() if name in (only or PHASES)]
    double = FakeTollamaOptions(
        models=(own.tollama.model,),
        latency_ms=_CALL_MS,
        is_serial=False,
    )
    with _ctrl_c_by_sigterm(), running_daemon(double) as daemon:
        settings = drill_settings(own, url=daemon.url, is_full=full)
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("Drill", total=len(phases))

            def show(phase: Phase) -> None:
                progress.update(bar, advance=1, description=phase.trouble)

            reports = run(_reports(phases, daemon, settings, load, show))
    if as_json:
        print_json(document(reports, settings))
    else:
        print_tables(reports, settings)
    if any(report.failures for report in reports):
        raise typer.Exit(ExitCode.FAILED)


async def _reports(
    phases: Sequence[Phase],
    daemon: Daemon,
    settings: Settings,
    load: Load,
    show: Callable[[Phase], None],
) -> list[PhaseReport]:
    """Return a report of each phase; as many as can share one service."""
    reports = []
    questions = Questions(requests_of(simulated_day(_N_MARKETS, seed=1, end=_END)))

    def limited(phase: Phase) -> Settings:
        return with_limits(settings, phase, concurrency=load.concurrency)

    for its_settings, group in groupby(phases, key=limited):
        scene = Scene(daemon, JumpingClock(), its_settings)
        with bind(settings.server.host, 0) as bound:
            serving = running_service(its_settings, bound, clock=scene.clock)
            async with serving, _session(url_of(bound), settings) as session:
                ready = Drill(session, questions, scene, load)
                for phase in group:
                    reports.append(await ready.run(phase))
                    show(phase)
    return reports


def _session(url: str, settings: Settings) -> aiohttp.ClientSession:
    """Return a client that waits longer than the service says that it takes."""
    patience_s = settings.resilience.deadline_s + _PATIENCE_S
    return aiohttp.ClientSession(
        url,
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(patience_s),
    )


@contextmanager
def _ctrl_c_by_sigterm() -> Generator[None]:
    """Take SIGTERM for Ctrl-C, so that nothing is left behind by either."""
    former = signal.signal(
        signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT)
    )
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
