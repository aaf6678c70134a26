"""``forecast``: bands for every market of a file."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.progress import Progress

from tsfm_runner.adapters.files.bands import BandsSink, bands_frame, bands_lines
from tsfm_runner.adapters.files.tasks import Question, with_overrides
from tsfm_runner.cli.bands_output import STDOUT, open_sink
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_input import Tasks, read_tasks
from tsfm_runner.cli.forecast_options import (
    FreqOption,
    HorizonOption,
    MethodOption,
    ModelOption,
    QuantilesOption,
    WhereOption,
    parse_choice,
    parse_levels,
    parse_moment,
)
from tsfm_runner.cli.forecast_summary import (
    Summary,
    last_steps_table,
)
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.errors import ConfigurationError, UnreadableInputError
from tsfm_runner.facade import answer_all

MAX_DRAWN = 12


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Where the answers go."""

    out: str | None
    plot: Path | None
    as_json: bool


def forecast(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            help="One CSV or Parquet file with the columns market_id (or unique_id), "
            "ts (or ds) and price (or y); a JSON or JSONL file of requests; a folder "
            "with the tables prices and markets; or - for a pipe. Times are ISO 8601, "
            "in UTC without an offset, or seconds since 1970 (larger numbers: "
            "milliseconds, microseconds, nanoseconds)."
        ),
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option(help="Bands: .parquet, .csv, .jsonl, or - for JSONL on stdout."),
    ] = None,
    freq: FreqOption = None,
    horizon: HorizonOption = None,
    quantiles: QuantilesOption = None,
    model: ModelOption = None,
    method: MethodOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Forecast from this ISO 8601 time; later points are unseen."),
    ] = None,
    where: WhereOption = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first markets.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of up to 12 markets: .png or .svg.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Forecast every market of a file or folder.

    What no option says comes from the settings. Requests in JSON ask for
    themselves; options only fill what they leave out. A market that nothing can
    be said about is skipped with its reason and never stops the others.
    """
    settings = load_for(context).settings
    plots = _plots(plot)
    config = with_overrides(
        settings.task,
        freq=freq,
        horizon=horizon,
        quantile_levels=parse_levels(quantiles),
    )
    question = Question.from_config(
        config,
        model=parse_choice(model, method),
        as_of=None if as_of is None else parse_moment(as_of, option="as_of"),
    )
    tasks = read_tasks(
        file,
        typer.get_binary_stream("stdin"),
        where=where or (),
        settings=settings.model_copy(update={"task": config}),
        question=question,
    )
    if limit is not None:
        tasks = Tasks(islice(tasks.items, limit), min(limit, tasks.total))
    outputs = _Outputs(out, plot, as_json)
    _forecast(settings, tasks, outputs, plots)


def _forecast(
    settings: Settings, tasks: Tasks, outputs: _Outputs, plots: ModuleType | None
) -> None:
    started_s = time.perf_counter()
    collected: list[pl.DataFrame] = []
    with open_sink(outputs.out, collected) as sink:
        summary, first = asyncio.run(_answer(settings, tasks, sink))
    summary = replace(summary, seconds=time.perf_counter() - started_s)
    if plots is not None and first:
        plots.draw_bands(first, outputs.plot)
    _tell(summary, outputs, collected)
    if summary.markets == 0:
        raise UnreadableInputError("no market could be answered; see why above")
    if summary.skipped:
        raise typer.Exit(ExitCode.PARTIAL)


async def _answer(
    settings: Settings, tasks: Tasks, sink: BandsSink
) -> tuple[Summary, list[ServedForecast]]:
    """Answer every task; return the summary and the forecasts that may be drawn."""
    summary, first = Summary(), list[ServedForecast]()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Forecasting", total=tasks.total)
        async for answers in answer_all(settings, tasks.items):
            if answers.served:
                sink(bands_frame(answers.served))
            summary = summary.plus(answers)
            first += answers.served[: MAX_DRAWN - len(first)]
            progress.advance(bar, len(answers.served) + len(answers.skipped))
    return summary, first


def _tell(summary: Summary, outputs: _Outputs, collected: list[pl.DataFrame]) -> None:
    is_stdout_taken = outputs.out == STDOUT
    if outputs.as_json:
        bands = {} if outputs.out else {"bands": list(_rows(collected))}
        print_json(summary.as_document() | bands, to_stderr=is_stdout_taken)
        return
    console = Console(stderr=is_stdout_taken)
    if collected:
        console.print(last_steps_table(collected[0]))
    console.print(summary.as_table())


def _rows(frames: list[pl.DataFrame]) -> Iterator[object]:
    for frame in frames:
        for line in bands_lines(frame).splitlines():
            yield json.loads(line)


def _plots(path: Path | None) -> ModuleType | None:
    """Import what draws, before any work is done that would be lost without it."""
    if path is None:
        return None
    try:
        plots = import_module("tsfm_runner.adapters.plots")
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"--plot needs {exc.name}: pip install 'tsfm-runner[plot]'"
        ) from exc
    plots.require_suffix(path)
    return plots
