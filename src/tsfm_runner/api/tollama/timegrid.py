"""Steps as pandas names them, and times in any of the forms of ISO 8601."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.frequency import MIN_STEP_S, Frequency, step_text
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.errors import InvalidTaskError

AUTO = "auto"
_UNIT_S = {"s": 1, "min": 60, "t": 60, "h": 3_600, "d": 86_400}
_PART = re.compile(r"(\d{0,6})(s|min|t|h|d)", re.IGNORECASE | re.ASCII)
_MIN_TIMES = 3
_TIMES_REMEMBERED = 32_768  # the series of a batch share most of them


class Step(NamedTuple):
    """The step of a series, its name in the answer, and how sure it is.

    ``is_named`` says that the caller named it; else ``regularity`` is the share of
    the intervals that are one step long.
    """

    freq: Frequency
    alias: str
    is_named: bool
    regularity: float


def step_of(alias: str, times_s: FloatArray) -> Step | None:
    """Return the step that a caller named, or else that of the times.

    None where neither tells. Raises ``InvalidTaskError`` for a step that nobody
    forecasts at.
    """
    step_s = None if alias == AUTO else _read_alias(alias)
    if step_s is not None:
        return Step(_frequency(step_s), alias, is_named=True, regularity=1.0)
    return _inferred(alias, times_s)


def _read_alias(alias: str) -> int | None:
    """Return the seconds of ``5min``, ``1h30min`` or ``D``; of ``5m`` and ``PT5M`` too.

    None for any other text.
    """
    parts = _PART.findall(alias)
    if parts and "".join(count + unit for count, unit in parts) == alias:
        return sum(int(count or 1) * _seconds(unit) for count, unit in parts)
    try:
        return Frequency.parse(alias).step_s
    except InvalidTaskError:
        return None


def _inferred(alias: str, times_s: FloatArray) -> Step | None:
    """Return the most frequent interval of at least three times, if they ascend."""
    if times_s.size < _MIN_TIMES:
        return None
    intervals, counts = np.unique(np.diff(times_s), return_counts=True)
    if intervals[0] <= 0:
        return None
    place = counts.argmax()
    freq = _frequency(float(intervals[place]))
    name = _write_alias(freq.step_s) if alias == AUTO else alias
    regularity = float(counts[place] / counts.sum())
    return Step(freq, name, is_named=False, regularity=regularity)


def _frequency(step_s: float) -> Frequency:
    if step_s % MIN_STEP_S:
        raise InvalidTaskError("freq", "must be a whole number of minutes")
    return Frequency(step_text(int(step_s)), int(step_s))


def _write_alias(step_s: int) -> str:
    """Return the name that pandas gives to a step."""
    unit = next(unit for unit in ("D", "h", "min") if not step_s % _seconds(unit))
    count = step_s // _seconds(unit)
    return f"{count}{unit}" if count > 1 else unit


def _seconds(unit: str) -> int:
    return _UNIT_S[unit.lower()]


def read_times(texts: Sequence[str]) -> FloatArray:
    """Return epoch seconds; raise ``ValueError`` naming the first that is no time."""
    return np.array([_read_time(text) for text in texts])


@lru_cache(maxsize=_TIMES_REMEMBERED)
def _read_time(text: str) -> float:
    """Return the moment; a time without a zone is in UTC."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC).timestamp()
    return time.astimezone(UTC).timestamp()  # refuses one before the first year
