"""``evaluate``: the study that decides what is served."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from tsfm_runner.adapters.files.recording import read_recording
from tsfm_runner.adapters.files.results import remove_left_overs
from tsfm_runner.cli.evaluate_output import (
    BANDS,
    FILES,
    tell_files,
    write_bands,
    write_files,
)
from tsfm_runner.cli.evaluate_tables import study_tables
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_options import QuantilesOption, WhereOption, parse_levels
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.config import Settings
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.evaluation.design import LEVELS
from tsfm_runner.evaluation.study import Study
from tsfm_runner.facade import Asked, Evaluation, run_evaluation
from tsfm_runner.facade.evaluating import NATIVE
from tsfm_runner.facade.evaluating import Progress as Told
from tsfm_runner.ports import WorkStore
from tsfm_runner.service.routing import BASELINE_METHODS

_STOPPED = 130
_WORK = ".work"


def evaluate(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder with the tables prices and markets, or one CSV or Parquet "
            "file with the columns market_id (or unique_id), ts (or ds) and price "
            "(or y).",
        ),
    ],
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME, PROVIDER:NAME or ladder; several between commas; repeatable. "
            "Unset: the four baselines."
        ),
    ] = None,
    freq: Annotated[
        str, typer.Option(help="Step, as 5m or 1h; native: each market's own cadence.")
    ] = NATIVE,
    horizon: Annotated[int, typer.Option(help="Steps to forecast; all are scored.")] = (
        12
    ),
    quantiles: QuantilesOption = None,
    split: Annotated[
        Literal["time", "event", "cold"],
        typer.Option(
            help="Score what came after the first six tenths of the origins of each "
            "source; whole events that nothing was learned from; or the first 36 "
            "prices of new events."
        ),
    ] = "time",
    where: WhereOption = None,
    events: Annotated[
        int | None, typer.Option(min=1, help="Only so many events, drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of whatever is drawn at random.")] = 1,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the files are written.")
    ] = Path("evaluation"),
    bands: Annotated[
        bool, typer.Option("--bands", help="Write every band too, in bands.parquet.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; unset: one a CPU.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Let a Ray cluster do the work: HOST:PORT, ray://HOST:PORT, auto, or "
            "local for one that is started here.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Study models on recorded markets, raw and calibrated, at every moment.

    Each is asked at every step of every market; its bands are calibrated in the
    order of time, each from outcomes known by then, by the service's own functions.
    A study that was stopped goes on where it was when the same is asked again.
    """
    settings = load_for(context).settings
    asked = Asked(
        models=_models(model),
        freq=None if freq == NATIVE else Frequency.parse(freq),
        horizon=horizon,
        quantile_levels=parse_levels(quantiles) or LEVELS,
        split=split,
        seed=seed,
        where=tuple(where or ()),
        n_groups=events,
        keeps_bands=bands,
        n_jobs=jobs,
        ray=ray,
    )

    written: list[Path] = []
    try:
        found = _studied(source, asked, settings, out, written)
    except KeyboardInterrupt:
        typer.echo("stopped: ask for the same again to go on", err=True)
        raise typer.Exit(_STOPPED) from None
    if as_json:
        print_json(found.document | {"timing": found.timing})
    else:
        console = Console()
        console.print(study_tables(found.document))
        tell_files(console, found, [*written, *([out / BANDS] if bands else [])])
    if found.document["skipped"]:
        raise typer.Exit(ExitCode.PARTIAL)


def _studied(
    source: Path, asked: Asked, settings: Settings, out: Path, written: list[Path]
) -> Evaluation:
    """Do the study and write its files while what was done is still kept."""

    def keep(study: Study, store: WorkStore) -> None:
        if asked.keeps_bands:
            write_bands(out / BANDS, study, store)

    def write(found: Evaluation) -> None:
        remove_left_overs(out, FILES)
        written.extend(write_files(out, found))

    with _showing() as progress:
        recording = read_recording(source, asked.wanted, settings.preparation)
        return run_evaluation(
            recording,
            asked,
            settings,
            work=out / _WORK,
            on_progress=progress,
            on_study=keep,
            on_found=write,
        )


def _models(given: list[str] | None) -> tuple[str, ...]:
    parts = [part.strip() for text in given or () for part in text.split(",")]
    return tuple(part for part in parts if part) or BASELINE_METHODS


class _Bar:
    """Draws how far a study is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar = progress.add_task("", total=None, at="reading, looking for leaks")

    def __call__(self, told: Told) -> None:
        self._progress.update(
            self._bar, total=told.n_units, completed=told.n_done, at=told.last
        )


@contextmanager
def _showing() -> Generator[_Bar]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn())
    ends = (TextColumn("{task.fields[at]}"), TimeElapsedColumn())
    with Progress(
        *columns, *ends, console=console, disable=not console.is_terminal
    ) as progress:
        yield _Bar(progress)
