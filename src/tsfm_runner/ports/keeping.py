"""What is kept across restarts, as a protocol."""

from collections.abc import Sequence
from typing import Protocol

from tsfm_runner.domain.ledger import LedgerContents, LedgerEntry, LedgerForecast
from tsfm_runner.domain.signals import BreachQuery, BreachSignal


class Ledger(Protocol):
    """Keeps what was served and what happened after it, across restarts."""

    @property
    def lag_s(self) -> float:
        """How long the oldest entry has waited to be written."""
        ...

    @property
    def n_let_go(self) -> int:
        """How many forecasts were let go because they could not be written."""
        ...

    def read(self, *, awaited_after_s: float) -> LedgerContents:
        """Return what a process that starts goes on from.

        Raises ``CalibrationStateError`` when what is stored cannot be read.
        """
        ...

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Take entries to be written soon, all of one call together; never waits."""
        ...

    async def commit(self) -> None:
        """Return when everything appended so far is safe.

        Raises ``LedgerUnavailableError`` where it cannot be written now; nothing is
        lost, it is tried again.
        """
        ...

    async def forecasts(
        self, market_id: str, *, since_s: float, before_id: int | None, limit: int
    ) -> list[LedgerForecast]:
        """Return forecasts of a market, newest first, cut off at or after a moment.

        ``before_id`` leaves out all but those with smaller ids; shadows are left out.
        """
        ...

    async def breaches(self, query: BreachQuery) -> list[BreachSignal]:
        """Return the newest that is known of each breach asked for, newest first."""
        ...

    async def signals_after(self, last_id: int, *, limit: int) -> list[BreachSignal]:
        """Return everything that happened to breaches after an id, in order."""
        ...

    async def last_delivered(self, endpoint: str) -> int | None:
        """Return up to which signal an endpoint was told everything; None: never."""
        ...
