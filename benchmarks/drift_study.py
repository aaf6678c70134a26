"""Markets whose ways change at one moment, and how coverage takes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import (
    CacheConfig,
    CalibrationConfig,
    DriftConfig,
    Settings,
    StoreConfig,
)
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.calibration.arrays import NEVER
from tsfm_runner.service.warming import History, Replay, ReplayClock, replay

FloatArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]

FREQ = Frequency.parse("5m")
HORIZON = 12
WINDOW = 36
NEAR = 0.03
COVERAGES = (0.8, 0.9)
TICK = 0.001
_DAY = 288
_FIRST_STEP = 5_000_000  # July 2017
_SIGMA = 0.008
_DEGREES = 5  # of freedom of the changes: tails like those of markets
_LOW, _HIGH = 0.15, 0.85  # one segment: never near 0 or 1


class Change(NamedTuple):
    """How markets go on after the change, for how long; then as they were before.

    ``volatility`` multiplies the size of a change of price, ``memory`` is the
    correlation of one with the next.
    """

    name: str
    volatility: float = 1.0
    memory: float = 0.0
    n_steps: int | None = None


CHANGES = (
    Change("stays"),
    Change("halves", volatility=0.5),
    Change("doubles", volatility=2.0),
    Change("x4 for a day", volatility=4.0, n_steps=_DAY),
    Change("trends", memory=0.4),
    Change("turns back", memory=-0.4),
)


class Length(NamedTuple):
    """How many markets, and how many steps before the change and after it."""

    n_markets: int
    n_before: int
    n_after: int

    @property
    def n_steps(self) -> int:
        """All steps."""
        return self.n_before + self.n_after


class Event(NamedTuple):
    """A drift that was found: how long after the change, and at which cell."""

    delay: int
    cell: int


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """Bands and what became of them, and the drifts that were found.

    ``edges`` has shape (n_steps, n_markets, horizon, 4): lower and upper edge at
    80 % and at 90 %, by the step of the origin.
    """

    prices: FloatArray
    edges: SingleArray
    events: tuple[Event, ...]


def walk(change: Change, length: Length, *, seed: int) -> FloatArray:
    """Return prices of shape (n_markets, n_steps) that wander between two walls."""
    rng = np.random.default_rng(seed)
    place = np.arange(length.n_steps) - length.n_before
    is_changed = (place >= 0) & (place < (change.n_steps or length.n_after))
    scale = _SIGMA * np.where(is_changed, change.volatility, 1.0)
    memory = np.where(is_changed, change.memory, 0.0)
    usual = np.sqrt(_DEGREES / (_DEGREES - 2))
    shocks = rng.standard_t(_DEGREES, (length.n_steps, length.n_markets)) / usual
    moves = np.zeros_like(shocks)
    for step in range(1, length.n_steps):
        kept = memory[step] * moves[step - 1]
        moves[step] = kept + np.sqrt(1 - memory[step] ** 2) * shocks[step]
    start = rng.uniform(_LOW, _HIGH, length.n_markets)
    paths = start + np.cumsum(scale[:, None] * moves, axis=0)
    # A path that meets a wall is turned around there.
    span = _HIGH - _LOW
    folded = span - np.abs((paths - _LOW) % (2 * span) - span)
    return np.asarray((_LOW + folded).T.round(3))


async def replayed(
    change: Change, length: Length, drift: DriftConfig, *, base: str, seed: int
) -> Replayed:
    """Replay the markets of a change through the service."""
    prices = walk(change, length, seed=seed)
    histories = [
        History(f"m{place}", _FIRST_STEP, row, MarketFacts(category="drift"))
        for place, row in enumerate(prices)
    ]
    edges = np.full((length.n_steps, length.n_markets, HORIZON, 4), np.nan, np.float32)
    settings = Settings(
        cache=CacheConfig(ttl_s=0),
        calibration=CalibrationConfig(shadow=False),
        drift=drift,
        store=StoreConfig(url="sqlite://"),
    )
    clock, events = ReplayClock(), list[Event]()
    async with open_backend(settings, clock=clock) as backend:
        asked = Replay(FREQ, HORIZON, (base,))
        watch = _Watch(backend)
        bands = replay(backend.forecasts, histories, asked, clock=clock)
        async for answers in bands:
            step = int(clock.now_s) // FREQ.step_s - _FIRST_STEP
            for one in answers:
                edges[step, int(one.task.market_id[1:])] = _edges(one)
            found = [Event(step - length.n_before, cell) for cell in watch.new()]
            events += found
            if step == length.n_before and one is answers[-1]:
                _settle(backend, length.n_before)
    return Replayed(prices, edges, tuple(events))


def _edges(served: ServedForecast) -> SingleArray:
    levels = served.task.quantile_levels
    inner = served.values[:, [levels.index(0.1), levels.index(0.9)]]
    certificate = served.certificate
    outer = np.stack((certificate.lower, certificate.upper), axis=1)
    return np.concatenate((inner, outer), axis=1, dtype=np.float32)


class _Watch:
    """Tells which cells have drifted since it was asked last."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._seen: dict[tuple[str, int], int] = {}

    def new(self) -> Iterator[int]:
        for learned in self._backend.calibrator.state.learned.values():
            stream = learned.stream
            at = stream.segment.drifted_at
            for place, cell in np.argwhere(at > NEVER).tolist():
                key = stream.names[place], cell
                if self._seen.get(key) != at[place, cell]:
                    self._seen[key] = int(at[place, cell])
                    yield cell


def _settle(backend: Backend, n_steps: int) -> None:
    """Let what was learned in so many steps weigh as much as that of months."""
    for learned in backend.calibrator.state.learned.values():
        half_life = learned.stream.config.half_life_steps
        weight = 1 / (1 - 0.5 ** (n_steps / half_life))
        learned.stream.segment.counts *= np.float32(weight)
        learned.stream.cell.overall *= weight
        learned.stream.cell.precision *= weight


class Window(NamedTuple):
    """How an interval did in the steps that ended within a window.

    ``error`` is how far the coverage is from right, outcomes on an edge on either
    side.
    """

    closed: float
    inside: float
    error: float
    winkler: float
    width: float


def windows(
    found: Replayed, length: Length, *, coverage: float, ahead: int
) -> Mapping[int, Window]:
    """Return each window by its number; that of the change is number 0."""
    place = 2 * COVERAGES.index(coverage)
    low = found.edges[:-ahead, :, ahead - 1, place]
    high = found.edges[:-ahead, :, ahead - 1, place + 1]
    y = found.prices.T[ahead:]
    tolerance = TICK / 1_000
    closed = (y >= low - tolerance) & (y <= high + tolerance)
    inside = (y > low + tolerance) & (y < high - tolerance)
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    winkler = high - low + 2 / (1 - coverage) * outside
    number = (np.arange(ahead, length.n_steps) - length.n_before) // WINDOW
    told = {}
    for one in np.unique(number).tolist():
        rows = number == one
        share, least = float(closed[rows].mean()), float(inside[rows].mean())
        error = max(0.0, least - coverage, coverage - share)
        width = float((high - low)[rows].mean())
        told[one] = Window(share, least, error, float(winkler[rows].mean()), width)
    return told


def steps_until_near(told: Mapping[int, Window], *, first: int = 0) -> int | None:
    """Return after how many steps coverage was right again, for two windows at least.

    Counted from the start of the window ``first``; None: it never was.
    """
    later = sorted(number for number in told if number >= first)
    for number in later[:-1]:
        if max(told[number].error, told[number + 1].error) <= NEAR:
            return WINDOW * (number - first)
    return None
