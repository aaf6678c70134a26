"""Who looks at prices besides the calibration, as the calibrator sees it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.service.calibration.pending import Ended
from tsfm_runner.service.calibration.points import MarketPoints
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.streams import Stream


class Watch(Protocol):
    """Looks at every price that is told, and says what it signals."""

    def hear(
        self, points: Sequence[MarketPoints], *, now_s: float
    ) -> list[BreachSignal]:
        """Take prices as they are told, before they end any step."""
        ...

    def observe(
        self,
        ended: Sequence[Ended],
        learned_of: Callable[[Stream], Learned],
        *,
        now_s: float,
    ) -> list[BreachSignal]:
        """Take the steps of bands that prices end, before anything is learned."""
        ...

    def sweep(self, now_s: float) -> list[BreachSignal]:
        """Look at the markets of which nothing is told."""
        ...
