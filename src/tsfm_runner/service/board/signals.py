"""What the board asks of breach signals."""

from typing import Protocol

from tsfm_runner.domain.signals import BreachSignal, Judgement


class Signals(Protocol):
    """Knows how unusual the newest price of a market is."""

    def judgement(self, market_id: str) -> Judgement | None:
        """Return how its newest price stands to the bands issued for it."""
        ...

    def standing(self, market_id: str) -> BreachSignal | None:
        """Return its breach that is open, or closed a short while ago."""
        ...
