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
from tsfm_runner.errors import ConfigurationError

_MARKS = {"ok": ("✔", "green"), "failed": ("✘", "red"), "skipped": ("-", "dim")}


def doctor(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Check the installation, the settings, the licences and the runtimes."""
    checks = _checks(context)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        Console().print(_list(checks))
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


def _list(checks: Sequence[Check]) -> Table:
    """Return a line for each check, with its hint on a line of its own."""
    lines = Table.grid(padding=(0, 1))
    for check in checks:
        mark, colour = _MARKS[check.outcome]
        text = Text.assemble((check.name, "bold"), f": {check.detail}")
        if check.hint and check.outcome != "ok":
            text.append(f"\n{check.hint}")
        lines.add_row(Text(mark, style=colour), text)
    return lines
