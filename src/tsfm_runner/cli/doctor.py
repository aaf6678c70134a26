"""``doctor``: look at everything that can be wrong, and say how to mend it."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tsfm_runner.cli.diagnosis import Check, diagnose
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.errors import ConfigurationError

_MARKS = {"ok": "[green]✔[/]", "failed": "[red]✘[/]", "skipped": "[dim]-[/]"}


def doctor(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Check the installation, the settings, the licences and the runtimes."""
    checks = _checks(context)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        Console().print(_table(checks))
    if any(check.outcome == "failed" for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def _checks(context: typer.Context) -> list[Check]:
    try:
        loaded = load_for(context)
    except ConfigurationError as exc:
        hint = "Correct the setting where it was set; nothing else was checked."
        return [Check("configuration", "failed", str(exc), hint)]
    changed = sum(origin != "default" for origin in loaded.origins.values())
    detail = f"{len(loaded.origins)} settings, {changed} not at their default"
    first = Check("configuration", "ok", detail)
    return [first, *asyncio.run(diagnose(loaded.settings))]


def _table(checks: Sequence[Check]) -> Table:
    table = plain_table("Doctor", "", "check", "found", "hint")
    for check in checks:
        hint = "" if check.outcome == "ok" else check.hint
        table.add_row(_MARKS[check.outcome], check.name, Text(check.detail), Text(hint))
    return table
