"""Read the options that say when cycles start, and how many there are."""

import re
from typing import BinaryIO

from tsfm_runner.cli.forecast_input import PIPE
from tsfm_runner.errors import InvalidTaskError

_INTERVAL = re.compile(r"(?P<count>\d{1,6}(\.\d{1,3})?)(?P<unit>[smh])", re.ASCII)
_UNIT_S = {"s": 1, "m": 60, "h": 3_600}


def parse_interval(text: str | None) -> float | None:
    """Read the seconds between two starts; None means that there is only one.

    Raises ``InvalidTaskError`` for anything that is no time above 0.
    """
    if text is None:
        return None
    found = _INTERVAL.fullmatch(text)
    interval_s = float(found["count"]) * _UNIT_S[found["unit"]] if found else 0.0
    if interval_s <= 0:
        raise InvalidTaskError("--every", "must be a time above 0, as 10s, 5m or 1h")
    return interval_s


def count_cycles(cycles: int | None, interval_s: float | None) -> int | None:
    """Return how many cycles there are; None: only a signal ends them.

    Raises ``InvalidTaskError`` for several cycles with no time between them.
    """
    if interval_s is None and cycles not in {None, 1}:
        raise InvalidTaskError("--cycles", "needs --every, the time between starts")
    return 1 if interval_s is None else cycles


def read_pipe(source: str, pipe: BinaryIO, interval_s: float | None) -> bytes | None:
    """Return what was piped in; None where the source is no pipe.

    Raises ``InvalidTaskError`` for a pipe that would have to be read again.
    """
    if source != PIPE:
        return None
    if interval_s is not None:
        raise InvalidTaskError("--every", "cannot read a pipe twice; name a file")
    return pipe.read()
