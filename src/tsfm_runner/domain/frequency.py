"""How often a series has a point."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from tsfm_runner.errors import InvalidTaskError

_TEXTS_REMEMBERED = 256  # the same few are asked for again and again

MIN_STEP_S = 60
MAX_STEP_S = 86_400

_UNIT_S = {"m": 60, "min": 60, "h": 3_600, "d": 86_400}
_SHORT = re.compile(r"(?P<count>\d{1,4})?(?P<unit>m|min|h|H|d|D)", re.ASCII)
_ISO = re.compile(
    r"P(?:(?P<d>\d{1,4})D)?(?:T(?=\d)(?:(?P<h>\d{1,4})H)?(?:(?P<m>\d{1,4})M)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Frequency:
    """A step between points: the caller's own text and its length in seconds."""

    text: str
    step_s: int

    def __post_init__(self) -> None:
        """Refuse steps below one minute or above one day."""
        if not MIN_STEP_S <= self.step_s <= MAX_STEP_S:
            raise InvalidTaskError("freq", "must be between 1 minute and 1 day")

    @classmethod
    @lru_cache(maxsize=_TEXTS_REMEMBERED)
    def parse(cls, text: str) -> Self:
        """Read ``5m``, ``5min``, ``1h``, ``1d`` or ISO 8601 (``PT5M``).

        Raises ``InvalidTaskError`` for any other text and for steps outside one
        minute to one day.
        """
        if short := _SHORT.fullmatch(text):
            count = int(short["count"] or 1)
            return cls(text, count * _UNIT_S[short["unit"].lower()])
        if iso := _ISO.fullmatch(text):
            return cls(text, sum(int(iso[unit] or 0) * _UNIT_S[unit] for unit in "dhm"))
        raise InvalidTaskError("freq", "must look like 5m, 5min, 1h, 1d or PT5M")


def step_text(step_s: int) -> str:
    """Return the shortest text of a step, as ``Frequency.parse`` reads it.

    Examples
    --------
    >>> step_text(300), step_text(5_400), step_text(86_400)
    ('5m', '90m', '1d')

    """
    for unit in ("d", "h"):
        count, rest = divmod(step_s, _UNIT_S[unit])
        if rest == 0:
            return f"{count}{unit}"
    return f"{step_s // _UNIT_S['m']}m"
