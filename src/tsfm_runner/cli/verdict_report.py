"""How a verdict is shown at a terminal."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from tsfm_runner.cli.tables import plain_table
from tsfm_runner.domain.frequency import step_text
from tsfm_runner.domain.verdict import SegmentVerdict, Verdict, VerdictReason

_TOO_FEW = (VerdictReason.TOO_FEW_GROUPS, VerdictReason.TOO_FEW_OUTCOMES)
_CHANCE = 0.025  # what lies above a 95 % interval


class Decided(NamedTuple):
    """A verdict, the one before it, and from when on outcomes counted."""

    verdict: Verdict
    before: Verdict | None
    since: datetime
    is_changed: bool


def verdict_table(decided: Decided) -> Table:
    """Return a row for each segment of which enough is known."""
    new = decided.verdict
    table = plain_table(
        f"Verdict {new.version}",
        *("model", "freq", "segment", "serves", "why", "score ratio", "against"),
        *("closed", "open", "outcomes", "groups"),
    )
    for column in table.columns[7:]:
        column.justify = "right"
    for one in new.segments:
        if one.reason not in _TOO_FEW:
            table.add_row(*_row(one, decided.before))
    return table


def summary(decided: Decided, path: Path | None, *, is_write: bool) -> Iterator[str]:
    """Yield what else is to be said, line by line."""
    new = decided.verdict
    judged = [one for one in new.segments if one.reason not in _TOO_FEW]
    n_left = len(new.segments) - len(judged)
    yield (
        f"{new.n_proven} of {len(judged)} segments proven; were no model better "
        f"anywhere, about {_CHANCE * len(judged):.1f} would seem so by chance."
    )
    if n_left:
        yield f"Of {n_left} more too few events or outcomes are known (see --json)."
    if not is_write:
        yield "Nothing was written (--write does)."
    elif decided.is_changed:
        yield f"Written to {path}."
    else:
        yield f"{path} says so already."


def _row(one: SegmentVerdict, before: Verdict | None) -> tuple[str, ...]:
    was = None if before is None else before.find(one.key)
    serves = one.serves
    if was is not None and was.serves != serves:
        serves = f"{serves} (was {was.serves})"
    key = one.key
    return (
        f"{key.model_name} {key.model_version}",
        step_text(key.step_s),
        key.segment.replace(",", " "),
        serves,
        one.reason.value if one.reason else "",
        f"{_text(one.ratio)} [{_text(one.low)}, {_text(one.high)}]",
        one.against,
        _text(one.closed),
        _text(one.open),
        f"{one.n:,}",
        f"{one.n_groups:,}",
    )


def _text(number: float | None) -> str:
    return "-" if number is None else f"{number:.3f}"
