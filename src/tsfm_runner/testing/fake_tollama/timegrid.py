"""Steps and times as the daemon reads them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

_UNIT_S = {"s": 1, "min": 60, "t": 60, "h": 3600, "d": 86_400}
_ALIAS = re.compile(r"(?P<count>\d*)(?P<unit>s|min|t|h|d)", re.IGNORECASE)
_MIN_TIMES = 3


@dataclass(frozen=True, slots=True)
class InferredStep:
    """The most frequent interval, and the share of intervals that are equal to it."""

    step: timedelta
    regularity: float


def read_alias(freq: str) -> timedelta | None:
    """Return the step of a pandas alias such as ``5min``; None for any other text."""
    alias = _ALIAS.fullmatch(freq)
    if alias is None:
        return None
    unit_s = _UNIT_S[alias["unit"].lower()]
    return timedelta(seconds=int(alias["count"] or 1) * unit_s) or None


def write_alias(step: timedelta) -> str:
    """Return the pandas alias of a step."""
    total_s = int(step.total_seconds())
    for unit in ("D", "h", "min", "s"):
        count, rest = divmod(total_s, _UNIT_S[unit.lower()])
        if rest == 0:
            return f"{count}{unit}" if count > 1 else unit
    raise AssertionError("a second divides every step")


def read_time(text: str) -> datetime:
    """Return a time in UTC; raise ``ValueError`` for what is none."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def write_time(time: datetime) -> str:
    """Return a time the way the daemon writes it."""
    return time.isoformat().replace("+00:00", "Z")


def infer_step(timestamps: Sequence[str]) -> InferredStep | None:
    """Return the dominant interval of at least three ascending times."""
    if len(timestamps) < _MIN_TIMES:
        return None
    try:
        times = [read_time(text) for text in timestamps]
    except ValueError:
        return None
    intervals = Counter(later - earlier for earlier, later in pairwise(times))
    if min(intervals) <= timedelta(0):
        return None
    step, occurrences = intervals.most_common(1)[0]
    return InferredStep(step, occurrences / intervals.total())
