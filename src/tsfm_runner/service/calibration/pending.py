"""Bands that wait for what becomes of them, by market."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import BoolArray, IntArray
from tsfm_runner.service.calibration.matching import match, tolerance_s
from tsfm_runner.service.calibration.rows import FIRST_MARGIN, RowArray
from tsfm_runner.service.calibration.streams import Stream

_OVERHEAD_BYTES = 900  # of the objects around the rows of one band
_SWEEP_INTERVAL_S = 60.0


@dataclass(slots=True, eq=False)
class Waiting:
    """One band of which some steps are still open; ``n_open`` counts them.

    ``is_judging`` tells whether it went out and was drawn from margins, at all steps.
    """

    id: int
    stream: Stream
    is_shadow: bool
    place: int
    market_id: str
    event: str
    cutoff_s: float
    packed: RowArray
    expires_s: float
    closes_at_s: float | None = None
    n_open: int = 0
    is_judging: bool = field(init=False)

    def __post_init__(self) -> None:
        """See once what is asked of every step."""
        has_margins = bool(np.isfinite(self.packed[:1, FIRST_MARGIN]).all())
        self.is_judging = has_margins and not self.is_shadow

    @property
    def n_bytes(self) -> int:
        """How much memory it takes."""
        return self.packed.nbytes + _OVERHEAD_BYTES


class Ended(NamedTuple):
    """Steps of bands of one market with what became of them; steps count from 0.

    Arrays have one element a step, in order of time.
    """

    market_id: str
    waiting: list[Waiting]
    ts_s: FloatArray
    steps: IntArray
    y: FloatArray


# The rows of a table of open steps, which has a column for each.
_TARGET, _STEP_S, _OWNER, _STEP = range(4)


@dataclass(slots=True, eq=False)
class Book:
    """All that waits in one market.

    ``table`` has a column for each open step: its target time, the step of its
    forecast in seconds, the place of its band in ``waiting``, its place in the band.
    """

    waiting: list[Waiting] = field(default_factory=list)
    newest_cutoff_s: dict[Stream, float] = field(default_factory=dict)
    due_s: float = np.inf
    table: FloatArray = field(default_factory=lambda: np.zeros((4, 0)))

    def add(self, waiting: Waiting, is_open: BoolArray | None) -> None:
        """Let a band wait for the outcomes of its open steps; None: of all."""
        steps = np.arange(len(waiting.packed), dtype=np.float64)
        if is_open is not None:
            steps = steps[is_open]
        waiting.n_open = steps.size
        step_s = float(waiting.stream.key.step_s)
        new = np.empty((4, steps.size))
        new[_TARGET] = waiting.cutoff_s + step_s * (steps + 1)
        new[_STEP_S] = step_s
        new[_OWNER] = len(self.waiting)
        new[_STEP] = steps
        has_any = bool(self.waiting)
        self.table = np.concatenate((self.table, new), axis=1) if has_any else new
        self.waiting.append(waiting)
        self.due_s = min(self.due_s, float(new[_TARGET, 0]) - tolerance_s(step_s))

    def end(
        self, market_id: str, times_s: FloatArray, prices: FloatArray
    ) -> Ended | None:
        """Close the steps of which these points tell the outcome, if any do."""
        if times_s[-1] < self.due_s:
            return None
        points = match(self.table[_TARGET], self.table[_STEP_S], times_s)
        is_found = points >= 0
        order = np.argsort(points, kind="stable")[np.count_nonzero(~is_found) :]
        if not order.size:
            return None
        found = self.table[_OWNER:, order].astype(np.int64)
        ended = Ended(
            market_id,
            [self.waiting[owner] for owner in found[0].tolist()],
            times_s[points[order]],
            found[1],
            prices[points[order]],
        )
        for one in ended.waiting:
            one.n_open -= 1
        self._keep(~is_found)
        return ended

    def drop(self, waiting: Waiting) -> None:
        """Let a band go that waits in vain."""
        waiting.n_open = 0
        self._keep(self.table[_OWNER] != self.waiting.index(waiting))

    def _keep(self, is_kept: BoolArray) -> None:
        """Keep these open steps, and the bands that have one left."""
        self.table = self.table[:, is_kept]
        if not all(one.n_open for one in self.waiting):
            places = np.cumsum([one.n_open > 0 for one in self.waiting]) - 1
            self.table[_OWNER] = places[self.table[_OWNER].astype(np.int64)]
            self.waiting = [one for one in self.waiting if one.n_open]
        self.due_s = np.inf
        if self.table.size:
            first = int(self.table[_TARGET].argmin())
            target_s, step_s = self.table[:_OWNER, first].tolist()
            self.due_s = target_s - tolerance_s(step_s)

    def since_s(self) -> float:
        """Return the time from which points matter."""
        return self.due_s - float(self.table[_STEP_S].max(initial=0))


@dataclass(slots=True)
class _Shelf:
    """The bands of one horizon in the order in which they came, and their memory."""

    bands: OrderedDict[int, Waiting] = field(default_factory=OrderedDict)
    n_bytes: int = 0


class Pending:
    """Every band that waits, within a bound of memory."""

    def __init__(self, *, max_bytes: int, max_markets: int) -> None:
        """Let the oldest bands go past the bound, and markets without any too."""
        self._max_bytes = max_bytes
        self._max_markets = max_markets
        self._books: OrderedDict[str, Book] = OrderedDict()
        self._shelves: dict[int, _Shelf] = {}
        self._points: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._swept_s = -np.inf
        self.n_dropped = 0

    def __len__(self) -> int:
        """Return how many bands wait."""
        return sum(len(shelf.bands) for shelf in self._shelves.values())

    def __iter__(self) -> Iterator[Waiting]:
        """Yield what waits, horizon by horizon, the oldest first."""
        for shelf in self._shelves.values():
            yield from shelf.bands.values()

    @property
    def n_bytes(self) -> int:
        """How much memory all that waits takes."""
        return sum(shelf.n_bytes for shelf in self._shelves.values())

    def book(self, market_id: str) -> Book | None:
        """Return what is known of a market, None if nothing is."""
        return self._books.get(market_id)

    def is_new(self, market_id: str, stream: Stream, cutoff_s: float) -> bool:
        """Whether a band from this cutoff may be scored: none was from it or after."""
        book = self._books.get(market_id)
        return book is None or cutoff_s > book.newest_cutoff_s.get(stream, -np.inf)

    def newest_cutoffs(self) -> Iterator[tuple[str, Stream, float]]:
        """Yield the newest cutoff that was scored from, by market and stream."""
        for market_id, book in self._books.items():
            for stream, cutoff_s in book.newest_cutoff_s.items():
                yield market_id, stream, cutoff_s

    def remember_cutoff(self, market_id: str, stream: Stream, cutoff_s: float) -> None:
        """Score no band of a market from this cutoff or before."""
        newest = self._touch(market_id).newest_cutoff_s
        newest[stream] = max(cutoff_s, newest.get(stream, -np.inf))

    def add(self, waiting: Waiting, is_open: BoolArray | None = None) -> None:
        """Let a band wait for the outcomes of its open steps; None: of all."""
        self.remember_cutoff(waiting.market_id, waiting.stream, waiting.cutoff_s)
        if is_open is not None and not is_open.any():
            return
        self._books[waiting.market_id].add(waiting, is_open)
        shelf = self._shelves.setdefault(len(waiting.packed), _Shelf())
        shelf.bands[waiting.id] = waiting
        shelf.n_bytes += waiting.n_bytes

    def last_point(self, market_id: str) -> tuple[float, float] | None:
        """Return time and price of the newest point told without a forecast."""
        return self._points.get(market_id)

    def remember_point(self, market_id: str, ts_s: float, y: float) -> None:
        """Keep a point that was told of a market without a forecast, if it is newer.

        Points are bounded apart from the bands, which wait for them.
        """
        last = self._points.pop(market_id, None)
        if last is None or ts_s > last[0]:
            last = (ts_s, y)
        self._points[market_id] = last
        if len(self._points) > self._max_markets:
            self._points.popitem(last=False)

    def release(self, ended: Ended) -> None:
        """Let go of the bands among these that have no open step left."""
        for one in ended.waiting:
            if not one.n_open:
                self._forget(one)

    def expire(self, now_s: float) -> None:
        """Drop what waits in vain; past the bound, the oldest of what takes most."""
        if now_s - self._swept_s > _SWEEP_INTERVAL_S:
            self._swept_s = now_s
            for late in [one for one in self if one.expires_s < now_s]:
                self._drop(late)
        while self.n_bytes > self._max_bytes:
            largest = max(self._shelves.values(), key=lambda shelf: shelf.n_bytes)
            self._drop(next(iter(largest.bands.values())))
        while len(self._books) > self._max_markets:
            _, book = self._books.popitem(last=False)
            self.n_dropped += len(book.waiting)
            for one in book.waiting:
                self._forget(one)

    def _drop(self, waiting: Waiting) -> None:
        self._books[waiting.market_id].drop(waiting)
        self._forget(waiting)
        self.n_dropped += 1

    def _touch(self, market_id: str) -> Book:
        book = self._books.get(market_id)
        if book is None:
            book = self._books[market_id] = Book()
        self._books.move_to_end(market_id)
        return book

    def _forget(self, waiting: Waiting) -> None:
        shelf = self._shelves[len(waiting.packed)]
        if shelf.bands.pop(waiting.id, None) is not None:
            shelf.n_bytes -= waiting.n_bytes
