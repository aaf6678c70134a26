"""A ledger for those who only ask: it keeps nothing."""

from collections.abc import Sequence

from tsfm_runner.domain.ledger import LedgerContents, LedgerEntry, LedgerForecast
from tsfm_runner.domain.signals import BreachQuery, BreachSignal


class NoLedger:
    """A ``Ledger`` that forgets everything at once."""

    lag_s = 0.0
    n_let_go = 0

    def read(self, *, awaited_after_s: float) -> LedgerContents:
        """Return what a new ledger holds."""
        del awaited_after_s
        return LedgerContents(None, (), (), frozenset(), 1, 1)

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Forget the entries."""

    async def commit(self) -> None:
        """Have nothing to do."""

    async def forecasts(
        self, market_id: str, *, since_s: float, before_id: int | None, limit: int
    ) -> list[LedgerForecast]:
        """Return nothing."""
        del market_id, since_s, before_id, limit
        return []

    async def breaches(self, query: BreachQuery) -> list[BreachSignal]:
        """Return nothing."""
        del query
        return []

    async def signals_after(self, last_id: int, *, limit: int) -> list[BreachSignal]:
        """Return nothing."""
        del last_id, limit
        return []

    async def last_delivered(self, endpoint: str) -> int | None:
        """Know of nobody who was told anything."""
        del endpoint
        return None
