"""Whether a breach was the beginning of something: the follow-through."""

from dataclasses import dataclass

import numpy as np

from tsfm_runner.config import SignalsConfig
from tsfm_runner.domain.signals import BreachSignal, FollowThrough
from tsfm_runner.service.calibration.points import MarketPoints

_ROUNDING = 1e-9
_STEPS_LATE = 2


@dataclass(slots=True, eq=False)
class Following:
    """A breach whose price may still go on; ``seen_s`` is the newest one known."""

    signal: BreachSignal
    largest: float
    seen_s: float

    def hear(self, told: MarketPoints, config: SignalsConfig) -> FollowThrough | None:
        """Take prices; return what came of the breach once that is certain."""
        opened = self.signal
        until_s = opened.opened_at_s + config.follow_s
        is_after = told.times_s > self.seen_s
        if not is_after.any():
            return None
        times_s, prices = told.times_s[is_after], told.prices[is_after]
        self.seen_s = float(times_s[-1])
        sign = 1 if opened.direction == "up" else -1
        moves = sign * (prices - opened.opened_price)
        counted = np.where(times_s <= until_s + _ROUNDING, moves, 0.0)
        self.largest = max(self.largest, float(counted.max()))
        reached = np.flatnonzero(counted >= config.follow_move - _ROUNDING)
        if reached.size:
            return FollowThrough(
                has_followed=True,
                largest_move=self.largest,
                decided_at_s=float(times_s[reached[0]]),
            )
        if self.seen_s >= until_s:
            return self._ended(until_s, is_known=True)
        return None

    def give_up(self, now_s: float, config: SignalsConfig) -> FollowThrough | None:
        """Return that nothing is known, once prices are overdue."""
        until_s = self.signal.opened_at_s + config.follow_s
        if now_s <= until_s + _STEPS_LATE * self.signal.band.step_s:
            return None
        return self._ended(until_s, is_known=False)

    def _ended(self, until_s: float, *, is_known: bool) -> FollowThrough:
        return FollowThrough(
            has_followed=False if is_known else None,
            largest_move=self.largest,
            decided_at_s=until_s,
        )
