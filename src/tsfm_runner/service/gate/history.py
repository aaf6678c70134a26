"""Readings of a service that restarts, as counts of the time between any two."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.gating import CoverageCounts, Reading
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.errors import ConfigurationError

_SAME_START_S = 1e-3
_SAME_TIME_S = 1e-3
_N_COUNTS, _N_OUTCOMES = 10, 3


class Counts(NamedTuple):
    """What is counted, of `Reading` and, last, of its coverage."""

    n_requests: float
    n_errors: float
    n_forecasts: float
    n_fallbacks: float
    n_invalid: float
    n_timed: float
    breaker_open_s: float
    n_outcomes: float
    n_closed: float
    n_open: float


_FORECASTS = Counts._fields.index("n_forecasts")
_OUTCOMES = Counts._fields.index("n_outcomes")


class Enough(NamedTuple):
    """How much a window needs at least."""

    seen_s: float
    n_forecasts: float
    n_outcomes: float


class Totals(NamedTuple):
    """What was counted between two readings.

    ``n_effective`` is what the outcomes are worth. ``n_within`` holds how many of
    the forecasts asked for alone took no longer than each of ``bounds_s``.
    """

    seen_s: float
    n_restarts: int
    counts: Counts
    target: float
    n_effective: float | None
    bounds_s: tuple[float, ...]
    n_within: list[float]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Readings of one stage in order, and what had been counted at each.

    ``times_s`` never falls, though the reader's clock may.
    """

    readings: Sequence[Reading]
    times_s: FloatArray
    counted: FloatArray

    def __len__(self) -> int:
        """Return how many readings there are."""
        return len(self.readings)

    def between(self, first: int, last: int) -> Totals:
        """Return what was counted after one reading, up to another."""
        row = (self.counted[last] - self.counted[first]).tolist()
        seen_s, n_restarts, *counts = row[: 2 + _N_COUNTS]
        reading = self.readings[last]
        return Totals(
            round(seen_s, 3),
            round(n_restarts),
            Counts(*counts),
            reading.coverage.target,
            _effective(reading.coverage, counts[-_N_OUTCOMES]),
            _bounds(reading),
            row[2 + _N_COUNTS :],
        )

    def place_before(self, place: int, age_s: float) -> int:
        """Return the last reading that is at least so much older than another."""
        return max(0, _last_up_to(self.times_s, self.times_s[place] - age_s))

    def place_with(self, place: int, enough: Enough) -> int:
        """Return the last reading after which there was enough up to another.

        It is the first of all where there never was.
        """
        columns = (0, 2 + _FORECASTS, 2 + _OUTCOMES)
        least = enough._replace(seen_s=enough.seen_s - _SAME_TIME_S)
        places = (
            _last_up_to(self.counted[:, column], self.counted[place, column] - amount)
            for column, amount in zip(columns, least, strict=True)
        )
        return max(0, min(places))


def history_of(readings: Sequence[Reading], *, max_gap_s: float) -> History:
    """Return the last readings that can be compared, added up over restarts.

    They end where the share of markets, the target coverage or the bounds of the
    histogram were others. A process that starts anew counts from nothing: what its
    predecessor counted after the last reading is not known, and that time is not
    seen. Time between two readings counts for no more than ``max_gap_s``. Readings
    that another gate was late to keep tell nothing new, and are left out.

    Raises ``ConfigurationError`` where several processes answer in turn. They did so
    once where one has answered alone for ``max_gap_s`` since: those readings are left
    out.
    """
    last = readings[-1]
    first = len(readings) - 1
    while first > 0 and _is_comparable(readings[first - 1], last):
        first -= 1
    run = _of_one_process(_in_order(readings[first:]), max_gap_s)
    steps = [np.zeros(_row(last).size + 2)]
    steps += [_step(before, now, max_gap_s) for before, now in pairwise(run)]
    times_s = np.maximum.accumulate([reading.time_s for reading in run])
    return History(run, times_s, np.cumsum(steps, axis=0))


def _last_up_to(values: FloatArray, most: float) -> int:
    """Return the last place of an ascending array that is not above, or -1."""
    return int(values.searchsorted(most, side="right")) - 1


def _is_comparable(one: Reading, other: Reading) -> bool:
    return (
        one.rollout_percent == other.rollout_percent
        and one.coverage.target == other.coverage.target
        and _bounds(one) == _bounds(other)
    )


def _in_order(readings: Sequence[Reading]) -> list[Reading]:
    """Return readings without those that were taken before the one they follow.

    A clock that goes back is no such thing: counters do not go back with it.
    """
    kept = [readings[0]]
    for reading in readings[1:]:
        if not _is_late(reading, kept[-1]):
            kept.append(reading)
    return kept


def _is_late(reading: Reading, before: Reading) -> bool:
    if reading.time_s >= before.time_s:
        return False
    newer_s = reading.started_at_s - before.started_at_s
    if abs(newer_s) > _SAME_START_S:
        return newer_s < 0
    fell = _row(reading) < _row(before)
    return bool(fell.any() and not (_row(reading) > _row(before)).any())


def _of_one_process(run: Sequence[Reading], max_gap_s: float) -> Sequence[Reading]:
    """Return the last readings in which no process answered again after another.

    Where one has done so lately, they still take turns.
    """
    left: list[float] = []
    first = 0
    for place, (before, now) in enumerate(pairwise(run), start=1):
        if abs(now.started_at_s - before.started_at_s) > _SAME_START_S:
            left.append(before.started_at_s)
            if min(abs(now.started_at_s - one) for one in left) <= _SAME_START_S:
                first = place
    if first and run[-1].time_s - run[first].time_s <= max_gap_s:
        raise ConfigurationError(
            "several processes answer at this address in turn; give the gate that of "
            "one of them"
        )
    return run[first:]


def _step(before: Reading, now: Reading, max_gap_s: float) -> FloatArray:
    """Return what was counted from one reading to the next."""
    is_new = abs(now.started_at_s - before.started_at_s) > _SAME_START_S
    since_s = max(before.time_s, now.started_at_s) if is_new else before.time_s
    seen_s = min(max(0.0, now.time_s - since_s), max_gap_s)
    old, new = _row(before), _row(now)
    # What fell began anew.
    grown = np.where(is_new | (new < old), new, new - old)
    # Outcomes are counted over restarts; where they fell, some were forgotten.
    outcomes = slice(_N_COUNTS - _N_OUTCOMES, _N_COUNTS)
    grown[outcomes] = np.maximum(new[outcomes] - old[outcomes], 0)
    return np.array([seen_s, is_new, *grown])


def _row(reading: Reading) -> FloatArray:
    coverage = reading.coverage
    counts = Counts(
        reading.n_requests,
        reading.n_errors,
        reading.n_forecasts,
        reading.n_fallbacks,
        reading.n_invalid,
        reading.n_timed,
        reading.breaker_open_s,
        coverage.n,
        coverage.n_closed,
        coverage.n_open,
    )
    return np.array([*counts, *(count for _, count in reading.durations)])


def _bounds(reading: Reading) -> tuple[float, ...]:
    return tuple(bound for bound, _ in reading.durations)


def _effective(coverage: CoverageCounts, n: float) -> float | None:
    """Return what some outcomes are worth, at the rate of all that ever came."""
    if coverage.n_effective is None or not n:
        return None
    return max(1.0, n * coverage.n_effective / coverage.n)
