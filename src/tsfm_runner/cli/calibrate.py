"""``calibrate``: let the calibration learn from history before it serves."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tsfm_runner.adapters.ledger import ledger_path
from tsfm_runner.bootstrap import open_warming, read_learned
from tsfm_runner.cli.calibrate_input import Recorded, Wanted, read_recorded
from tsfm_runner.cli.calibrate_report import (
    Taught,
    document_of,
    learned_between,
    steps_table,
    sum_table,
    totals,
)
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_options import parse_moment
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.replaying import STOPPED, asked_of, replay_progress
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import Settings
from tsfm_runner.domain.task import MAX_HORIZON
from tsfm_runner.errors import ConfigurationError, UnreadableInputError
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.calibration.merging import merge
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.warming import Replay, ReplayClock, count_origins, replay

_LEDGER_SUFFIX = ".db"


def calibrate(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="DATA",
            help="A folder with the tables prices and markets; one CSV or Parquet file "
            "with the columns market_id (or unique_id), ts (or ds) and price (or y); "
            "or another ledger, a file that ends in .db.",
        ),
    ],
    base: Annotated[
        list[str] | None,
        typer.Option(help="Baseline, or several between commas; repeatable."),
    ] = None,
    freq: Annotated[
        str | None, typer.Option(help="Step between points, as 5m or 1h.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, max=MAX_HORIZON, help="Steps of a band.")
    ] = None,
    events: Annotated[
        int | None, typer.Option(min=1, help="Only so many events, drawn at random.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only points from this ISO 8601 time on.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what was learned before.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let the calibration learn from history before it serves.

    Recorded markets are replayed through the service in the order of time, and what
    became of each band teaches the next. The state in the ledger goes on from there;
    nothing else is written. The same history twice counts twice: --fresh starts from
    what is shipped. No service may be running on the ledger.
    """
    settings = load_for(context).settings
    if ledger_path(settings.store.url) is None:
        raise ConfigurationError("store.url keeps the ledger in memory: name a file")
    try:
        if source.suffix == _LEDGER_SUFFIX:
            other = _other(settings, source)
            asyncio.run(_merge(settings, other, is_fresh=fresh))
            _tell_merged(other, source, as_json=as_json)
            return
        asked = asked_of(settings, base=base, freq=freq, horizon=horizon)
        start = None if since is None else parse_moment(since, option="since")
        wanted = Wanted(asked.freq, start, events)
        recorded = read_recorded(source, wanted, settings.preparation)
        taught = asyncio.run(_teach(settings, recorded, asked, is_fresh=fresh))
    except KeyboardInterrupt:
        typer.echo("stopped: the calibration is what it was before", err=True)
        raise typer.Exit(STOPPED) from None
    _tell(taught, as_json=as_json)
    if recorded.skipped:
        raise typer.Exit(ExitCode.PARTIAL)


async def _teach(
    settings: Settings, recorded: Recorded, asked: Replay, *, is_fresh: bool
) -> Taught:
    clock, started_s = ReplayClock(time.time()), time.perf_counter()
    opening = open_warming(settings, clock=clock, is_fresh=is_fresh)
    with replay_progress(recorded, asked) as progress:
        async with opening as backend:
            before = totals(backend.calibrator.state)
            n_known = _warn_of_known(backend, recorded, asked)
            n_bands = len(asked.models) * count_origins(recorded.histories)
            bar = progress.add_task("", total=n_bands, at="")
            bands = replay(backend.forecasts, recorded.histories, asked, clock=clock)
            async for answers in bands:
                moment = f"{datetime.fromtimestamp(clock.now_s, UTC):%Y-%m-%d %H:%M}"
                progress.update(bar, advance=len(answers), at=moment)
            after = totals(backend.calibrator.state)
    step_s = asked.freq.step_s
    by_base = {
        name: list(learned_between(before, after, model_name=name, step_s=step_s))
        for name in asked.models
    }
    return Taught(recorded, asked, n_known, time.perf_counter() - started_s, by_base)


def _warn_of_known(backend: Backend, recorded: Recorded, asked: Replay) -> int:
    """Say so where events of the history were learned from before."""
    events = {one.facts.event_id or one.market_id for one in recorded.histories}
    known: set[str] = set()
    for key, learned in backend.calibrator.state.learned.items():
        if key.step_s == asked.freq.step_s and key.model_name in asked.models:
            known |= events.intersection(name for _, name in learned.tallies.events)
    if known:
        typer.echo(
            f"{len(known):,} of {len(events):,} events were learned from before: what "
            "was scored then and is scored again counts twice (--fresh starts anew)",
            err=True,
        )
    return len(known)


def _other(settings: Settings, path: Path) -> CalibrationState:
    """Return what was learned in another ledger."""
    if not path.is_file():
        raise UnreadableInputError(f"{path} is no file")
    if path.absolute() == ledger_path(settings.store.url):
        raise UnreadableInputError(f"{path} is the ledger of these settings")
    return read_learned(settings, path)


async def _merge(
    settings: Settings, other: CalibrationState, *, is_fresh: bool
) -> None:
    """Add what another process has learned to what was learned here."""
    clock = ReplayClock(time.time())
    async with open_warming(settings, clock=clock, is_fresh=is_fresh) as backend:
        merge(backend.calibrator.state, other)


def _tell_merged(other: CalibrationState, source: Path, *, as_json: bool) -> None:
    rows = [
        {"model": key.model_name, "version": key.model_version, "step_s": key.step_s}
        | {"scores": int(learned.stream.segment.n_scored.sum())}
        for key, learned in other.learned.items()
    ]
    if as_json:
        print_json({"from": source, "merged": rows})
        return
    table = plain_table(f"Merged from {source}", "model", "version", "step", "scores")
    for row in rows:
        *names, scores = row.values()
        table.add_row(*map(str, names), f"{scores:,}")
    Console().print(table)


def _tell(taught: Taught, *, as_json: bool) -> None:
    if as_json:
        print_json(document_of(taught))
        return
    console = Console()
    for name, reports in taught.by_base.items():
        console.print(steps_table(name, reports))
    console.print(sum_table(taught))
