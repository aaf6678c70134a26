"""Entries on their way to the ledger: taken at once, bounded, never out of order."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain
from threading import Lock
from typing import NamedTuple

from tsfm_runner.domain.ledger import ForecastEntry, LedgerEntry, StateEntry
from tsfm_runner.ports import Clock


class Group(NamedTuple):
    """What one call appended, and when on the process's clock."""

    arrived_s: float
    entries: Sequence[LedgerEntry]


class Gap(NamedTuple):
    """Forecasts that were let go before they were written."""

    first_id: int
    last_id: int
    n_forecasts: int


class Waiting:
    """A queue between the event loop and the writer's thread.

    When more waits than may, the oldest forecasts are let go. Outcomes, scores and
    the newest state never are: they are few, and nothing could make up for them.
    """

    def __init__(self, max_waiting: int, clock: Clock) -> None:
        """Let so many entries wait."""
        self._max_waiting = max_waiting
        self._clock = clock
        self._lock = Lock()
        self._in_hand: tuple[Group, ...] = ()
        self._spared: list[Group] = []  # older than all groups, without forecasts
        self._groups: deque[Group] = deque()
        self._gap: Gap | None = None
        self._gap_in_hand: Gap | None = None
        self.n_entries = 0
        self.n_let_go = 0

    @property
    def n_groups(self) -> int:
        """How many groups wait, those in hand left out."""
        return len(self._spared) + len(self._groups)

    @property
    def lag_s(self) -> float:
        """The age of the oldest entry that is not written yet; 0 without any."""
        with self._lock:
            for groups in (self._in_hand, self._spared, self._groups):
                if groups:
                    return max(0.0, self._clock() - groups[0].arrived_s)
        return 0.0

    def put(self, entries: Sequence[LedgerEntry]) -> bool:
        """Take entries; return whether nothing but what is in hand waited before."""
        group = Group(self._clock(), tuple(entries))
        with self._lock:
            if StateEntry in map(type, entries):
                self._supersede_states()
            self._groups.append(group)
            self.n_entries += len(entries)
            if self.n_entries > self._max_waiting:
                self._let_go()
            return self.n_groups == 1

    def take(self, n_entries: int) -> tuple[tuple[Group, ...], Gap | None]:
        """Return the oldest groups, about so many entries, and what is missing."""
        with self._lock:
            taken = list(self._spared)
            self._spared.clear()
            n_taken = sum(len(group.entries) for group in taken)
            while self._groups and n_taken < n_entries:
                group = self._groups.popleft()
                taken.append(group)
                n_taken += len(group.entries)
            self._in_hand, self._gap_in_hand = tuple(taken), self._gap
            self._gap = None
            return self._in_hand, self._gap_in_hand

    def settle(self) -> None:
        """Forget what is in hand: it is written."""
        with self._lock:
            self.n_entries -= sum(len(group.entries) for group in self._in_hand)
            self._in_hand, self._gap_in_hand = (), None

    def put_back(self) -> None:
        """Let what is in hand wait again, before everything else."""
        with self._lock:
            older = (*self._in_hand, *self._spared)
            self._groups.extendleft(reversed(older))
            self._spared.clear()
            self._gap = _joined(self._gap_in_hand, self._gap)
            self._in_hand, self._gap_in_hand = (), None
            self._let_go()

    def _let_go(self) -> None:
        while self._groups and self.n_entries > self._max_waiting:
            group = self._groups.popleft()
            gap = gap_of(group.entries)
            if gap is not None:
                self._gap = _joined(self._gap, gap)
                self.n_entries -= gap.n_forecasts
                self.n_let_go += gap.n_forecasts
            spared = _without(group, ForecastEntry)
            if spared.entries:
                self._spared.append(spared)

    def _supersede_states(self) -> None:
        """Drop the states that wait: a newer one says all that they say."""
        self._spared = _without_states(self._spared)
        self._groups = deque(_without_states(self._groups))
        groups = chain(self._in_hand, self._spared, self._groups)
        self.n_entries = sum(len(group.entries) for group in groups)


def gap_of(entries: Sequence[LedgerEntry]) -> Gap | None:
    """Return the gap that these forecasts leave, or None if there are none."""
    ids = [each.id for each in entries if isinstance(each, ForecastEntry)]
    return Gap(min(ids), max(ids), len(ids)) if ids else None


def _without_states(groups: Iterable[Group]) -> list[Group]:
    return [_without(group, StateEntry) for group in groups]


def _without(group: Group, kind: type[LedgerEntry]) -> Group:
    if kind not in map(type, group.entries):
        return group
    kept = tuple(each for each in group.entries if not isinstance(each, kind))
    return group._replace(entries=kept)


def _joined(one: Gap | None, other: Gap | None) -> Gap | None:
    if one is None or other is None:
        return one or other
    return Gap(
        min(one.first_id, other.first_id),
        max(one.last_id, other.last_id),
        one.n_forecasts + other.n_forecasts,
    )
