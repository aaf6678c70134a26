"""``ledger``: copy what is stored, take it out, and look at it for damage."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from tsfm_runner.adapters.ledger import ledger_path
from tsfm_runner.adapters.ledger.backup import back_up_ledger
from tsfm_runner.adapters.ledger.export import Exported, export_ledger
from tsfm_runner.adapters.ledger.integrity import check_ledger
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import Settings
from tsfm_runner.errors import UnreadableInputError


def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder for the Parquet files.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Write forecasts, outcomes and signals to Parquet, also while the service runs."""
    exported = _export_with_progress(ledger_of(load_for(context).settings), folder)
    if as_json:
        print_json(exported._asdict())
        return
    table = plain_table("Exported")
    table.add_row("forecasts", f"{exported.n_forecasts:,}  {exported.forecasts_file}")
    table.add_row("outcomes", f"{exported.n_outcomes:,}  {exported.outcomes_file}")
    table.add_row("signals", f"{exported.n_signals:,}  {exported.signals_file}")
    Console().print(table)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The copy, a file that is new.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Copy the ledger as it is at this moment, also while the service runs."""
    path = ledger_of(load_for(context).settings)
    n_bytes = back_up_ledger(path, file)
    if as_json:
        print_json({"file": file, "bytes": n_bytes})
    else:
        typer.echo(f"{file}: {n_bytes / 1e6:,.1f} MB of {path}")


def check(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Look for damage in the ledger; exit code 1 if there is any."""
    path = ledger_of(load_for(context).settings)
    verdict = check_ledger(path)
    if as_json:
        print_json({"file": path, **verdict._asdict()})
    else:
        for finding in verdict.findings:
            typer.echo(finding)
        typer.echo(
            f"{path}: {verdict.n_forecasts:,} forecasts, {verdict.n_outcomes:,} "
            f"outcomes, {verdict.n_scores:,} scores, {verdict.n_signals:,} signals, "
            f"{len(verdict.findings)} findings"
        )
    if verdict.findings:
        raise typer.Exit(ExitCode.FAILED)


def ledger_of(settings: Settings) -> Path:
    """Return the file of the ledger; raise ``UnreadableInputError`` without one."""
    path = ledger_path(settings.store.url)
    if path is None:
        raise UnreadableInputError("store.url keeps the ledger in memory: no file")
    if not path.is_file():
        raise UnreadableInputError(f"{path}: there is no ledger yet")
    return path


def _export_with_progress(path: Path, folder: Path) -> Exported:
    columns = TextColumn("exporting"), BarColumn(), TaskProgressColumn()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("exporting", total=None)

        def tell(n_done: int, n_all: int) -> None:
            bar.update(task, completed=n_done, total=n_all)

        return export_ledger(path, folder, tell)
