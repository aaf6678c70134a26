"""Cuts windows from recorded markets: what was known at a time, and what came."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.foundation.signature import CONTEXT_STEPS

CADENCES_S = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600}
MOST_WINDOWS = {"1m": 10, "5m": 10, "15m": 5, "1h": 10}
MOST_OF_SOURCE = {"weather_backfill": 4, "stocks_weekly_1h": 5, "predictit_2020": 8}
HORIZON = 12
LEAST_STEPS = 24
LEAST_OBSERVED = 12
LONGEST_GAP = 200  # steps without a price that a context may hold
LONGEST_STALE = 12  # steps that the last price may be old, and the next may wait
APART = 12  # steps between windows of a market
TRIES = 400
EDGE, EDGE_STEPS = 0.003, 48

# The cadences at which markets of a native one are looked at: up to so many seconds.
_LOOKED_AT = (
    (90, ("1m", "5m", "15m")),
    (336, ("5m", "15m", "1h")),
    (960, ("15m", "1h")),
    (4_500, ("1h",)),
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
StrArray = npt.NDArray[np.str_]
Series = tuple[Mapping[str, Any], IntArray, FloatArray]
"""What the table of markets says of one, and its times in seconds with its prices."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordedWindows:
    """Windows of one cadence, one row each.

    ``contexts`` and ``is_observed`` have shape ``(n, 288)``: ends aligned, filled
    forward, NaN and False before the shorter ones. ``futures`` has shape ``(n, 12)``.
    ``events`` are the unit of independence, ``weights`` what each row counts.
    """

    step_minutes: float
    contexts: FloatArray
    is_observed: BoolArray
    futures: FloatArray
    events: StrArray
    sources: StrArray
    weights: FloatArray


class Grid(NamedTuple):
    """A market on a grid: the last price in each step, filled forward.

    ``ages`` are steps since a price was seen, 0 where there is one.
    """

    first_step: int
    prices: FloatArray
    ages: IntArray


class _Row(NamedTuple):
    context: FloatArray
    is_observed: BoolArray
    future: FloatArray
    event: str
    source: str


def cut_windows(series: Iterable[Series], cadence: str) -> RecordedWindows:
    """Cut windows from every market whose own cadence suits; always the same."""
    step_s = CADENCES_S[cadence]
    rows: list[_Row] = []
    for facts, times_s, prices in series:
        if cadence in _looked_at(facts["native_cadence_s"]):
            grid = on_grid(times_s, prices, step_s=step_s)
            rows += _rows(facts, grid, cadence)
    if not rows:
        raise SystemExit(f"no recorded market has windows at {cadence}")
    return _stacked(rows, step_s / 60)


def on_grid(times_s: IntArray, prices: FloatArray, *, step_s: int) -> Grid:
    """Put ascending times onto the grid; a price belongs to the step that it ends."""
    steps = -(-times_s // step_s)
    first = int(steps[0])
    row = np.full(int(steps[-1]) - first + 1, np.nan)
    row[steps - first] = prices  # the last assignment wins
    places = np.arange(row.size)
    source = np.maximum.accumulate(np.where(np.isfinite(row), places, 0))
    return Grid(first, row[source], places - source)


def origins_of(
    grid: Grid, *, end: float, most: int, rng: np.random.Generator
) -> list[int]:
    """Draw places to forecast from, by what is known there and never by what comes.

    The only look ahead is at the times of prices: some price must come within the
    horizon, or there would be nothing to be scored by.
    """
    places = np.arange(LEAST_STEPS - 1, grid.prices.size - HORIZON)
    places = places[grid.ages[places] <= LONGEST_STALE]
    places = places[grid.first_step + places < end]
    drawn: list[int] = []
    for place in rng.permutation(places)[:TRIES].tolist():
        if len(drawn) == most:
            break
        is_apart = all(abs(place - other) >= APART for other in drawn)
        if is_apart and _is_usable(grid, place):
            drawn.append(place)
    return drawn


def context_start(grid: Grid, place: int) -> int:
    """Return where a context begins: 288 steps back, or after the last long gap."""
    start = max(0, place - CONTEXT_STEPS + 1)
    gaps = np.flatnonzero(grid.ages[start : place + 1] > LONGEST_GAP)
    return start if gaps.size == 0 else start + int(gaps[-1]) + 1


def event_weights(events: StrArray, sources: StrArray) -> FloatArray:
    """Return what each window counts: one over the root of those of its event."""
    keys = np.char.add(np.char.add(sources, "\n"), events)
    _, place, count = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(count[place]))


def _looked_at(native_s: float) -> tuple[str, ...]:
    return next((names for most_s, names in _LOOKED_AT if native_s <= most_s), ())


def _is_usable(grid: Grid, place: int) -> bool:
    start = context_start(grid, place)
    ages, recent = grid.ages[start : place + 1], grid.prices[start : place + 1]
    if recent.size < LEAST_STEPS or np.count_nonzero(ages == 0) < LEAST_OBSERVED:
        return False
    lies_still = np.ptp(recent[-EDGE_STEPS:]) == 0
    is_over = lies_still and not EDGE <= recent[-1] <= 1 - EDGE
    future_ages = grid.ages[place + 1 : place + 1 + HORIZON]
    has_future = future_ages.max() <= LONGEST_STALE + grid.ages[place]
    return bool(has_future and not is_over)


def _rows(facts: Mapping[str, Any], grid: Grid, cadence: str) -> Iterator[_Row]:
    step_s, source = CADENCES_S[cadence], facts["source"]
    rng = np.random.default_rng(zlib.crc32(f"{facts['market_id']} {cadence}".encode()))
    end = np.inf if facts["end"] is None else facts["end"].timestamp() / step_s
    most = min(MOST_WINDOWS[cadence], MOST_OF_SOURCE.get(source, TRIES))
    for place in origins_of(grid, end=end, most=most, rng=rng):
        start = context_start(grid, place)
        room = (CONTEXT_STEPS - (place + 1 - start), 0)
        yield _Row(
            np.pad(grid.prices[start : place + 1], room, constant_values=np.nan),
            np.pad(grid.ages[start : place + 1] == 0, room),
            grid.prices[place + 1 : place + 1 + HORIZON],
            facts["split_group"],
            source,
        )


def _stacked(rows: list[_Row], step_minutes: float) -> RecordedWindows:
    contexts, is_observed, futures, events, sources = map(
        np.array, zip(*rows, strict=True)
    )
    weights = event_weights(events, sources)
    return RecordedWindows(
        step_minutes, contexts, is_observed, futures, events, sources, weights
    )
