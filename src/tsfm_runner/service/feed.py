"""What happens in this process, for whoever listens: bounded, and never waiting."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from tsfm_runner.domain.calibration import Drift
from tsfm_runner.domain.signals import BreachSignal

MAX_TOLD = 1_000
MAX_MARKETS = 10_000


@dataclass(frozen=True, slots=True)
class DriftTold:
    """A drift, and when it was found (epoch seconds)."""

    drift: Drift
    at_s: float


Told: TypeAlias = BreachSignal | DriftTold


class Events(NamedTuple):
    """What happened since the listener looked last.

    ``told`` is in order. ``market_ids`` are those that changed, each once however
    often it did. With ``has_missed`` too much had happened, and some of what came
    before all this was left out: look everything up again.
    """

    told: tuple[Told, ...] = ()
    market_ids: frozenset[str] = frozenset()
    has_missed: bool = False


class Listener:
    """One who listens; `Feed.listen` makes it. What waits for it is bounded."""

    def __init__(self, *, hears_markets: bool, max_told: int | None) -> None:
        """Have heard nothing yet."""
        self._hears_markets, self._max_told = hears_markets, max_told
        self._told: list[Told] = []
        self._market_ids: set[str] = set()
        self._has_missed = False
        self._stirred, self._ended = asyncio.Event(), asyncio.Event()

    async def next_events(self, *, timeout_s: float | None = None) -> Events | None:
        """Return what happened, once there is anything; None when the feed is over.

        After ``timeout_s`` without anything, return that nothing happened.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._stirred.wait()
        return None if self._ended.is_set() else self._taken()

    async def rest(self, seconds: float) -> None:
        """Return after so long, while what happens is kept; at once at the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    def hear(self, told: Told) -> None:
        """Keep a signal or a drift; let go of all that waits when it is too much."""
        if self._max_told is not None and len(self._told) >= self._max_told:
            self._miss()
        self._told.append(told)
        self._stirred.set()

    def hear_market(self, market_id: str) -> None:
        """Keep that a market changed, if that is of interest."""
        if not self._hears_markets:
            return
        if len(self._market_ids) >= MAX_MARKETS and market_id not in self._market_ids:
            self._miss()
        self._market_ids.add(market_id)
        self._stirred.set()

    def end(self) -> None:
        """Hear nothing more."""
        self._ended.set()
        self._stirred.set()

    def _miss(self) -> None:
        self._told.clear()
        self._market_ids.clear()
        self._has_missed = True

    def _taken(self) -> Events:
        taken = Events(tuple(self._told), frozenset(self._market_ids), self._has_missed)
        self._told.clear()
        self._market_ids.clear()
        self._has_missed = False
        self._stirred.clear()
        return taken


class Feed:
    """Tells every listener what happens, in the one loop of the process.

    Telling costs next to nothing and never waits. A listener that does not come
    back for what it is told has to look things up again, and costs no more memory.
    """

    def __init__(self) -> None:
        """Have no listeners yet."""
        self._listeners: set[Listener] = set()
        self._is_over = False

    @property
    def n_listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listen(
        self, *, hears_markets: bool = True, max_told: int | None = MAX_TOLD
    ) -> Generator[Listener]:
        """Yield a listener that hears everything from here to the end of the block.

        Without ``hears_markets`` it is only told of signals and drifts; with
        ``max_told`` None it keeps all of them, however many, until it is asked.
        """
        listener = Listener(hears_markets=hears_markets, max_told=max_told)
        if self._is_over:
            listener.end()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def market_changed(self, market_id: str) -> None:
        """Tell that there is news of a market: a price, or a band."""
        for listener in self._listeners:
            listener.hear_market(market_id)

    def signal(self, signal: BreachSignal) -> None:
        """Tell of one thing that happened to a breach."""
        for listener in self._listeners:
            listener.hear(signal)

    def drifted(self, drift: Drift, at_s: float) -> None:
        """Tell of a segment whose outcomes no longer fit what was learned."""
        for listener in self._listeners:
            listener.hear(DriftTold(drift, at_s))

    def close(self) -> None:
        """Let every listener go: the process is about to stop."""
        self._is_over = True
        for listener in self._listeners:
            listener.end()
