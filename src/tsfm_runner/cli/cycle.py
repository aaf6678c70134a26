"""``cycle``: bands for the markets that matter most, again and again."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tsfm_runner.adapters.download import public_name
from tsfm_runner.adapters.files.bands import require_suffix
from tsfm_runner.adapters.files.tasks import Question, with_overrides
from tsfm_runner.cli.bands_output import STDOUT
from tsfm_runner.cli.cycle_input import Wanted
from tsfm_runner.cli.cycle_options import count_cycles, parse_interval, read_pipe
from tsfm_runner.cli.cycle_report import CycleReport
from tsfm_runner.cli.cycle_rounds import Job, open_and_run
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_options import (
    FreqOption,
    HorizonOption,
    MethodOption,
    ModelOption,
    QuantilesOption,
    WhereOption,
    parse_choice,
    parse_levels,
)
from tsfm_runner.cli.invocation import load_for, print_json_line
from tsfm_runner.cli.serving import run
from tsfm_runner.service.cycle_times import Schedule


def cycle(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL",
            help="What forecast takes: a folder, a table, requests, or - for a pipe; "
            "or the address of a table or of requests, http or https. It is read anew "
            "in every cycle.",
        ),
    ],
    *,
    top: Annotated[
        int | None, typer.Option(min=1, help="Most markets of a cycle.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(help="Time from start to start, as 10s or 5m; unset: one cycle."),
    ] = None,
    cycles: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many cycles.")
    ] = None,
    budget_s: Annotated[
        float | None, typer.Option(help="Most seconds of a cycle.")
    ] = None,
    watchlist: Annotated[
        Path | None, typer.Option(help="File of markets to put first, one a line.")
    ] = None,
    candidates: Annotated[
        Path | None, typer.Option(help="File of alert candidates, one a line.")
    ] = None,
    where: WhereOption = None,
    freq: FreqOption = None,
    horizon: HorizonOption = None,
    quantiles: QuantilesOption = None,
    model: ModelOption = None,
    method: MethodOption = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="Bands: .parquet, .csv or .jsonl, replaced by every cycle, or - for "
            "JSONL on stdout."
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON document a cycle, each a line."),
    ] = False,
) -> None:
    """Forecast the most important markets of a file or address, once or on and on.

    Markets of the watchlist come first, then alert candidates, then those with most
    volume and open interest (see the settings of `cycle`). A cycle ends within its
    budget: what no model answers in time a baseline does, and it is counted.
    Ctrl-C and SIGTERM end it.
    """
    flags = {"cycle.top": top, "cycle.budget_s": budget_s}
    settings = load_for(context, flags).settings
    if out not in {None, STDOUT}:
        require_suffix(Path(str(out)))
    config = with_overrides(
        settings.task,
        freq=freq,
        horizon=horizon,
        quantile_levels=parse_levels(quantiles),
    )
    is_url = source.startswith(("http://", "https://"))
    wanted = Wanted(
        place=public_name(source) if is_url else source,
        where=where or (),
        watchlist=watchlist,
        candidates=candidates,
        question=Question.from_config(config, model=parse_choice(model, method)),
        settings=settings.model_copy(update={"task": config}),
    )
    interval_s = parse_interval(every)
    job = Job(
        wanted,
        Schedule(time.monotonic, interval_s, time.monotonic()),
        n_cycles=count_cycles(cycles, interval_s),
        url=source if is_url else None,
        piped=read_pipe(source, typer.get_binary_stream("stdin"), interval_s),
        out=out,
    )
    code = run(_until_stopped(open_and_run(job, _teller(out, as_json=as_json))))
    if code != ExitCode.OK:
        raise typer.Exit(code)


async def _until_stopped(work: Coroutine[Any, Any, ExitCode]) -> ExitCode:
    """Work to the end, or until a signal ends it in peace."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        typer.echo("stopped", err=True)
        return ExitCode.OK


def _teller(out: str | None, *, as_json: bool) -> Callable[[CycleReport], None]:
    """Return what prints a report; beside stdout where the bands go there."""
    is_stdout_taken = out == STDOUT
    if as_json:
        return lambda report: print_json_line(
            report.as_document(), to_stderr=is_stdout_taken
        )
    console = Console(stderr=is_stdout_taken)
    return lambda report: console.print(report.as_tables())
