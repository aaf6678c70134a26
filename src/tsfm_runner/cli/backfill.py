"""``backfill``: replay history into breach signals, and say how good they are."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from tsfm_runner.adapters.ledger import ledger_path
from tsfm_runner.bootstrap import KeepSignals, open_for_backfill, open_warming
from tsfm_runner.cli.backfill_output import write_signals, writer_for
from tsfm_runner.cli.backfill_report import Backfilled, document_of, print_tables
from tsfm_runner.cli.calibrate_input import Recorded, Wanted, read_recorded
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_options import parse_moment
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.replaying import STOPPED, asked_of, replay_progress
from tsfm_runner.config import Settings
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.domain.task import MAX_HORIZON
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.evaluation.signalling import figures_of
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.feed import Listener
from tsfm_runner.service.warming import Replay, ReplayClock, count_origins, replay


class _Told(NamedTuple):
    """What a replay brought about, and how many signals the ledger took."""

    signals: list[BreachSignal]
    n_kept: int


def backfill(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="DATA",
            help="A folder with the tables prices and markets; or one CSV or Parquet "
            "file with the columns market_id (or unique_id), ts (or ds) and price (or "
            "y).",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(help="Signals: .jsonl, .csv, .parquet, or - for JSONL on stdout."),
    ] = None,
    into_ledger: Annotated[
        bool,
        typer.Option("--into-ledger", help="Add the signals to the ledger as well."),
    ] = False,
    base: Annotated[
        list[str] | None, typer.Option(help="Baseline whose bands judge the prices.")
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
    as_json: JsonFlag = False,
) -> None:
    """Replay history into breach signals, and say how good they are.

    Recorded markets are replayed in the order of time, as by `calibrate`, from the
    calibration that is shipped; what a signal says, it could have said then. Nobody
    is told of the signals, also not when they are added to the ledger.
    """
    settings = load_for(context).settings
    _require_possible(settings, out, into_ledger=into_ledger)
    asked = asked_of(settings, base=base, freq=freq, horizon=horizon)
    start = None if since is None else parse_moment(since, option="since")
    try:
        wanted = Wanted(asked.freq, start, events)
        recorded = read_recorded(source, wanted, settings.preparation)
        started_s = time.perf_counter()
        told = asyncio.run(_replay(settings, recorded, asked, into_ledger=into_ledger))
        if out is not None:
            write_signals(told.signals, out)
        figures = figures_of(
            recorded.histories,
            told.signals,
            step_s=asked.freq.step_s,
            config=settings.signals,
        )
    except KeyboardInterrupt:
        typer.echo("stopped: no signal was written", err=True)
        raise typer.Exit(STOPPED) from None
    seconds = time.perf_counter() - started_s
    n_kept = told.n_kept if into_ledger else None
    done = Backfilled(recorded, asked, figures, len(told.signals), n_kept, seconds)
    if as_json:
        print_json(document_of(done), to_stderr=out == "-")
    else:
        print_tables(done, to_stderr=out == "-")
    if recorded.skipped:
        raise typer.Exit(ExitCode.PARTIAL)


def _require_possible(
    settings: Settings, out: str | None, *, into_ledger: bool
) -> None:
    if out is not None:
        writer_for(out)
    if into_ledger and ledger_path(settings.store.url) is None:
        raise ConfigurationError("store.url keeps the ledger in memory: name a file")
    if not settings.signals.enabled:
        raise ConfigurationError("signals.enabled is false: nothing is signalled")


async def _replay(
    settings: Settings, recorded: Recorded, asked: Replay, *, into_ledger: bool
) -> _Told:
    async with _keeper(settings, into_ledger=into_ledger) as keep:
        signals = await _signals(settings, recorded, asked)
        return _Told(signals, await keep(signals))


@asynccontextmanager
async def _keeper(
    settings: Settings, *, into_ledger: bool
) -> AsyncIterator[KeepSignals]:
    """Hold the ledger from before the replay on, so that it is free at its end."""
    if not into_ledger:
        yield _keep_nothing
        return
    async with open_for_backfill(settings) as keep:
        yield keep


async def _keep_nothing(_: object) -> int:
    return 0


async def _signals(
    settings: Settings, recorded: Recorded, asked: Replay
) -> list[BreachSignal]:
    """Return everything that a replay tells of breaches, in order."""
    clock, found = ReplayClock(), list[BreachSignal]()
    store = settings.store.model_copy(update={"url": "sqlite://"})
    alone = settings.model_copy(update={"store": store})
    with replay_progress(recorded, asked) as progress:
        async with open_warming(alone, clock=clock, is_fresh=True) as backend:
            n_bands = len(asked.models) * count_origins(recorded.histories)
            bar = progress.add_task("", total=n_bands, at="")
            with backend.feed.listen(hears_markets=False, max_told=None) as listener:
                bands = replay(
                    backend.forecasts, recorded.histories, asked, clock=clock
                )
                async for answers in bands:
                    found += await _heard(listener)
                    moment = datetime.fromtimestamp(clock.now_s, UTC)
                    at = f"{moment:%Y-%m-%d %H:%M}"
                    progress.update(bar, advance=len(answers), at=at)
                for _ in _silence(backend, clock, asked.freq.step_s):
                    found += await _heard(listener)
    return found


async def _heard(listener: Listener) -> list[BreachSignal]:
    events = await listener.next_events(timeout_s=0)
    told = () if events is None else events.told
    return [one for one in told if isinstance(one, BreachSignal)]


def _silence(backend: Backend, clock: ReplayClock, step_s: int) -> Iterator[None]:
    """Let time pass without prices, until every breach is over and decided."""
    config = backend.signals.config
    for _ in range(int((config.follow_s + config.cooldown_s) // step_s) + 4):
        clock.now_s += step_s
        backend.calibrator.sweep()
        yield
