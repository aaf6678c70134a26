"""``verdict``: decide from the ledger where models are proven, and write it down."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tsfm_runner.adapters.ledger.recent import read_recent
from tsfm_runner.adapters.verdict_file import document_of, read_verdict, write_verdict
from tsfm_runner.cli.forecast_options import parse_moment
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.ledger import ledger_of
from tsfm_runner.cli.verdict_report import Decided, summary, verdict_table
from tsfm_runner.config import Settings
from tsfm_runner.domain.verdict import Verdict
from tsfm_runner.errors import ConfigurationError, UnreadableInputError
from tsfm_runner.service.verdict.deciding import Occasion, decide
from tsfm_runner.service.verdict.live import live_evidence


def verdict(
    context: typer.Context,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            help="Only forecasts recorded from this ISO 8601 time on; unset: the last "
            "verdict.window_days."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Verdict to go on from and to write; unset: routing.verdict_file."
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the verdict to its file.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Decide anew, from what became of live forecasts, where models are proven.

    Every model is held against the baselines that were scored beside it, segment by
    segment. The verdict goes on from the one in its file: what was decided stays
    until outcomes speak against it. The ledger is only read, also while the service
    runs, and the service takes a new file without a restart.
    """
    settings = load_for(context).settings
    path = file or settings.routing.verdict_file
    if write and path is None:
        raise ConfigurationError(
            "routing.verdict_file names no file to write; or --file"
        )
    decided = _decide(settings, ledger_of(settings), path, since)
    if write and path is not None and decided.is_changed:
        write_verdict(decided.verdict, path)
    if as_json:
        print_json(
            {
                "file": path,
                "since": decided.since.isoformat(),
                "is_changed": decided.is_changed,
                "is_written": write and decided.is_changed,
                **document_of(decided.verdict),
            }
        )
        return
    Console().print(verdict_table(decided))
    for line in summary(decided, path, is_write=write):
        typer.echo(line)


def _decide(
    settings: Settings, ledger: Path, path: Path | None, since: str | None
) -> Decided:
    now = datetime.fromtimestamp(time.time(), UTC).replace(microsecond=0)
    start = now - timedelta(days=settings.verdict.window_days)
    if since is not None:
        start = parse_moment(since, option="since")
    current = read_verdict(path) if path is not None and path.exists() else None
    with Console(stderr=True).status("reading the ledger"):
        recent = read_recent(ledger, since_s=start.timestamp())
        evidence = live_evidence(recent, current)
    if not evidence:
        raise UnreadableInputError(
            f"{ledger}: since {start.isoformat()} nothing became known of a model "
            "beside a baseline"
        )
    occasion = Occasion(now, "ledger", settings.routing.baseline_method)
    new = decide(evidence, current, settings.verdict, occasion)
    return Decided(new, current, start, is_changed=_is_changed(new, current))


def _is_changed(new: Verdict, current: Verdict | None) -> bool:
    """Whether the file would say anything else of any segment."""
    if current is None:
        return True
    told: bool = document_of(new)["segments"] != document_of(current)["segments"]
    return told
