"""``train``: a model of one's own, kept only where it is proven to be better."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tsfm_runner.adapters.files.recording import Recording, Wanted, read_recording
from tsfm_runner.adapters.ledger.told import told_prices
from tsfm_runner.adapters.models import ModelManifest
from tsfm_runner.adapters.models.adding import Candidate, require_addable
from tsfm_runner.adapters.models.manifest import told
from tsfm_runner.bootstrap.training import (
    Trained,
    Wish,
    candidate_of,
    free_revision,
    judge,
    kept_if_preferred,
    require_extra,
    train_on,
)
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_options import WhereOption
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.ledger import ledger_of
from tsfm_runner.cli.model_options import names_of_others, store_of
from tsfm_runner.cli.train_report import Ended, document_of, judged_table, summary
from tsfm_runner.config import Settings
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.learning.lessons import Lessons, lessons_of
from tsfm_runner.service.verdict.preferring import Preference

_STOPPED = 130


def train(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="What the model will be called.")],
    from_ledger: Annotated[
        bool,
        typer.Option("--from-ledger", help="Learn from the prices of the ledger."),
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DATA",
            help="Or from a recording: a folder with the tables prices and markets, "
            "or one CSV or Parquet file.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="Stored model to begin with; unset: embedded.model."),
    ] = None,
    freq: Annotated[
        str | None,
        typer.Option(help="Step, as 5m or 1h; unset: each market's own cadence."),
    ] = None,
    where: WhereOption = None,
    minutes: Annotated[
        float, typer.Option(min=0.01, help="Longest training; judging comes after it.")
    ] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; unset: one a CPU.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a model on recorded markets, and keep it if it is proven to be better.

    It begins with a stored model and learns from recorded and simulated markets. One
    event in five is kept away from it: on these its calibrated bands are held against
    those of the model that it began with and of the baselines. Exit code 1 if they
    are not proven to be better; then nothing is stored.
    """
    if from_ledger == (source is not None):
        raise InvalidTaskError("--from", "must be given, or --from-ledger, not both")
    require_extra()
    settings = load_for(context).settings
    now = datetime.fromtimestamp(time.time(), UTC).replace(microsecond=0)
    store, others = store_of(settings), names_of_others(settings)
    model = store.find(base or settings.embedded.model)
    wish = Wish(
        name=name,
        revision=free_revision(store, name, now),
        base=model,
        minutes=minutes,
        seed=seed,
        n_workers=jobs,
    )
    require_addable(store, _named(wish, now), reserved=others, replace=False)
    wanted = Wanted(Frequency.parse(freq) if freq else None, tuple(where or ()))
    lessons = lessons_of(_read(settings, source, wanted).markets, settings)
    found = _found(lessons, wish, settings, now)
    if found is None:
        typer.echo("stopped: nothing was stored", err=True)
        raise typer.Exit(_STOPPED)
    trained, candidate, preference = found
    kept = kept_if_preferred(store, candidate, preference, reserved=others)
    _tell(Ended(wish, lessons, trained, preference, kept), as_json=as_json)
    if kept is None:
        raise typer.Exit(ExitCode.FAILED)


def _named(wish: Wish, now: datetime) -> ModelManifest:
    """Return what the model will say of itself, but for what is not known yet."""
    base = wish.base.manifest.model_dump(by_alias=True)
    named = {"name": wish.name, "revision": wish.revision, "added_at": now}
    try:
        return ModelManifest.model_validate(base | named)
    except ValidationError as exc:
        raise InvalidTaskError("--name", told(exc).removeprefix("name: ")) from None


def _read(settings: Settings, source: Path | None, wanted: Wanted) -> Recording:
    with Console(stderr=True).status("reading markets"):
        data = told_prices(ledger_of(settings)) if source is None else source
        return read_recording(data, wanted, settings.preparation)


def _found(
    lessons: Lessons, wish: Wish, settings: Settings, now: datetime
) -> tuple[Trained, Candidate, Preference] | None:
    """Train and judge; None where someone stopped it."""
    console = Console(stderr=True)
    try:
        trained = train_on(lessons, wish, console=console)
        if trained is None:
            return None
        candidate = candidate_of(trained, wish, now=now)
        return trained, candidate, _judged(candidate, lessons, wish, settings, now)
    except KeyboardInterrupt:
        return None


def _judged(
    candidate: Candidate,
    lessons: Lessons,
    wish: Wish,
    settings: Settings,
    now: datetime,
) -> Preference:
    console = Console(stderr=True)
    columns = TextColumn("Judging"), BarColumn(), MofNCompleteColumn()
    with (
        tempfile.TemporaryDirectory(prefix="tsfm-runner-") as folder,
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("", total=None)
        return judge(
            candidate,
            wish.base,
            lessons.parts.held_out,
            settings,
            folder=Path(folder),
            now=now,
            n_workers=wish.n_workers,
            tell=lambda done, all_: bar.update(task, completed=done, total=all_),
        )


def _tell(ended: Ended, *, as_json: bool) -> None:
    if as_json:
        print_json(document_of(ended))
        return
    Console().print(judged_table(ended))
    for line in summary(ended):
        typer.echo(line)
