"""What a backfill brought about, as tables and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tsfm_runner.cli.calibrate_input import Recorded
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.evaluation.signalling import Share, SignalFigures
from tsfm_runner.service.warming import Replay

_LABELS = (
    ("per_market_day", "breaches a market and day"),
    ("followed", "followed"),
    ("false", "false: back within an hour"),
    ("moves_signalled", "moves of 10 points in an hour, signalled"),
    ("quiet_per_market_day", "breaches a quiet market and day"),
    ("quiet_cycles", "cycles with a breach of a quiet market"),
)
_PERCENT = frozenset({"followed", "false", "moves_signalled", "quiet_cycles"})


@dataclass(frozen=True, slots=True, eq=False)
class Backfilled:
    """What was replayed, what it told, and how good that was."""

    recorded: Recorded
    asked: Replay
    figures: SignalFigures
    n_signals: int
    n_kept: int | None
    seconds: float


def print_tables(done: Backfilled, *, to_stderr: bool) -> None:
    """Print what was replayed, and the figures by which signals are judged."""
    console = Console(stderr=to_stderr)
    console.print(_counts(done))
    console.print(_figures(done.figures))


def _counts(done: Backfilled) -> Table:
    figures = done.figures
    table = plain_table("Replayed")
    for name in ("markets", "events", "steps"):
        table.add_row(name, f"{getattr(figures, f'n_{name}'):,}")
    for reason, count in done.recorded.left_out.items():
        table.add_row(f"left out: {reason}", f"{count:,}")
    for one in done.recorded.skipped:
        table.add_row(f"skipped {one.market_id}", one.told)
    table.add_row("breaches", f"{sum(figures.by_severity.values()):,}")
    for severity, count in figures.by_severity.items():
        table.add_row(f"  {severity}", f"{count:,}")
    table.add_row("signals", f"{done.n_signals:,}")
    if done.n_kept is not None:
        table.add_row("  new in the ledger", f"{done.n_kept:,}")
    table.add_row("quiet markets", f"{figures.n_quiet_markets:,}")
    table.add_row("seconds", f"{done.seconds:.1f}")
    return table


def _figures(figures: SignalFigures) -> Table:
    headings = ("figure", "of", "", "95 % interval")
    table = plain_table("How good the signals were", *headings)
    for name, label in _LABELS:
        share: Share = getattr(figures, name)
        whole = f"{share.whole:,.0f}"
        if name in _PERCENT:
            table.add_row(label, f"{share.part:,.0f} of {whole}", *_told(share, ".1%"))
        else:
            days = f"{share.part:,.0f} in {whole} days"
            table.add_row(label, days, *_told(share, ".3f"))
    return table


def _told(share: Share, form: str) -> tuple[str, str]:
    value = "" if share.value is None else format(share.value, form)
    if share.low is None or share.high is None:
        return value, ""
    return value, f"{share.low:{form}} to {share.high:{form}}"


def document_of(done: Backfilled) -> dict[str, Any]:
    """Return everything in plain words."""
    shares = {name: getattr(done.figures, name)._asdict() for name, _ in _LABELS}
    return {
        "freq": done.asked.freq.text,
        "horizon": done.asked.horizon,
        "bases": list(done.asked.models),
        "markets": done.figures.n_markets,
        "events": done.figures.n_events,
        "steps": done.figures.n_steps,
        "left_out": dict(done.recorded.left_out),
        "skipped": [asdict(one) for one in done.recorded.skipped],
        "signals": done.n_signals,
        "new_in_ledger": done.n_kept,
        "breaches": dict(done.figures.by_severity),
        "quiet_markets": done.figures.n_quiet_markets,
        **shares,
        "seconds": round(done.seconds, 3),
    }
