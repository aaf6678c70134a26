"""Bands that wait for what becomes of them, by market."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import BoolArray
from tsfm_runner.service.calibration.matching import match, tolerance_s
from tsfm_runner.service.calibration.rows import RowArray
from tsfm_runner.service.calibration.streams import Stream

_OVERHEAD_BYTES = 900  # of the objects around the rows of one band


@dataclass(slots=True, eq=False)
class Waiting:
    """One band of which some steps are still open."""

    id: int
    stream: Stream
    is_shadow: bool
    place: int
    market_id: str
    event: str
    cutoff_s: float
    packed: RowArray
    is_open: BoolArray
    targets_s: FloatArray
    expires_s: float

    @property
    def n_bytes(self) -> int:
        """How much memory it takes."""
        return self.packed.nbytes + _OVERHEAD_BYTES


class Ended(NamedTuple):
    """One step of a band with what became of it; steps count from 0."""

    ts_s: float
    waiting: Waiting
    step: int
    y: float


@dataclass(slots=True, eq=False)
class Book:
    """All that waits in one market, and the last point that was told of it."""

    waiting: list[Waiting] = field(default_factory=list)
    newest_cutoff_s: dict[Stream, float] = field(default_factory=dict)
    last: tuple[float, float] | None = None
    due_s: float = np.inf

    def end(self, times_s: FloatArray, prices: FloatArray) -> list[Ended]:
        """Close the steps of which these points tell the outcome."""
        if not self.waiting or times_s[-1] < self.due_s:
            return []
        targets_s = np.concatenate([one.targets_s for one in self.waiting])
        is_open = np.concatenate([one.is_open for one in self.waiting])
        sizes = [one.targets_s.size for one in self.waiting]
        step_s = np.repeat([one.stream.key.step_s for one in self.waiting], sizes)
        flat = np.flatnonzero(is_open)
        points = match(targets_s[flat], step_s[flat].astype(np.float64), times_s)
        is_found = points >= 0
        owner = np.repeat(np.arange(len(sizes)), sizes)
        steps = np.concatenate([np.arange(size) for size in sizes])
        found = flat[is_found]
        at = points[is_found]
        ended = [
            Ended(ts_s, self.waiting[place], step, y)
            for ts_s, place, step, y in zip(
                times_s[at].tolist(),
                owner[found].tolist(),
                steps[found].tolist(),
                prices[at].tolist(),
                strict=True,
            )
        ]
        for one in ended:
            one.waiting.is_open[one.step] = False
        self._tidy()
        return ended

    def _tidy(self) -> None:
        """Drop what has no open step, and find out when the next step is due."""
        self.waiting = [one for one in self.waiting if one.is_open.any()]
        self.due_s = min((_due_s(one) for one in self.waiting), default=np.inf)

    def since_s(self) -> float:
        """Return the time from which points matter."""
        step_s = max((one.stream.key.step_s for one in self.waiting), default=0)
        return self.due_s - step_s


def _due_s(waiting: Waiting) -> float:
    first = float(waiting.targets_s[waiting.is_open.argmax()])
    return first - float(tolerance_s(np.array([waiting.stream.key.step_s]))[0])


class Pending:
    """Every band that waits, within a bound of memory."""

    def __init__(self, *, max_bytes: int, max_markets: int) -> None:
        """Let the oldest bands go past the bound, and markets without any too."""
        self._max_bytes = max_bytes
        self._max_markets = max_markets
        self._books: OrderedDict[str, Book] = OrderedDict()
        self._order: OrderedDict[int, Waiting] = OrderedDict()
        self.n_bytes = 0
        self.n_dropped = 0

    def __len__(self) -> int:
        """Return how many bands wait."""
        return len(self._order)

    def __iter__(self) -> Iterator[Waiting]:
        """Yield what waits, the oldest first."""
        return iter(self._order.values())

    def book(self, market_id: str) -> Book | None:
        """Return what is known of a market, None if nothing is."""
        return self._books.get(market_id)

    def is_new(self, market_id: str, stream: Stream, cutoff_s: float) -> bool:
        """Whether a band from this cutoff may be scored: none was from it or after."""
        book = self._books.get(market_id)
        return book is None or cutoff_s > book.newest_cutoff_s.get(stream, -np.inf)

    def add(self, waiting: Waiting) -> None:
        """Let a band wait for its outcomes."""
        book = self._touch(waiting.market_id)
        book.newest_cutoff_s[waiting.stream] = waiting.cutoff_s
        if not waiting.is_open.any():
            return
        book.waiting.append(waiting)
        book.due_s = min(book.due_s, _due_s(waiting))
        self._order[waiting.id] = waiting
        self.n_bytes += waiting.n_bytes

    def remember_point(self, market_id: str, ts_s: float, y: float) -> None:
        """Keep the last point that was told of a market without a forecast."""
        book = self._touch(market_id)
        if book.last is None or ts_s > book.last[0]:
            book.last = (ts_s, y)

    def release(self, ended: list[Ended]) -> None:
        """Let go of the bands among these that have no open step left."""
        for one in ended:
            if not one.waiting.is_open.any():
                self._forget(one.waiting)

    def expire(self, now_s: float) -> None:
        """Drop what waits in vain, and the oldest of what takes too much room."""
        while self._order:
            oldest = next(iter(self._order.values()))
            if oldest.expires_s >= now_s and self.n_bytes <= self._max_bytes:
                break
            self._forget(oldest)
            book = self._books[oldest.market_id]
            book.waiting = [one for one in book.waiting if one is not oldest]
            self.n_dropped += 1
        while len(self._books) > self._max_markets:
            _, book = self._books.popitem(last=False)
            self.n_dropped += len(book.waiting)
            for one in book.waiting:
                self._forget(one)

    def _touch(self, market_id: str) -> Book:
        book = self._books.setdefault(market_id, Book())
        self._books.move_to_end(market_id)
        return book

    def _forget(self, waiting: Waiting) -> None:
        if self._order.pop(waiting.id, None) is not None:
            self.n_bytes -= waiting.n_bytes
