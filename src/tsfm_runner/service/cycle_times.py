"""When a cycle starts, and how much of its time models may use."""

import math
from dataclasses import dataclass

from tsfm_runner.config import CycleConfig
from tsfm_runner.ports import Clock

_MS_PER_S = 1_000


@dataclass(frozen=True, slots=True)
class CycleBudget:
    """The time of one cycle: when it started, and how long it may take."""

    clock: Clock
    started_s: float
    length_s: float
    config: CycleConfig

    @property
    def elapsed_s(self) -> float:
        """How long the cycle has been at work."""
        return self.clock() - self.started_s

    @property
    def remaining_s(self) -> float:
        """How much of the budget is left; 0 when it is used up."""
        return max(0.0, self.length_s - self.elapsed_s)

    def models_s(self, n_markets: int) -> float:
        """Return the time from now in which models may answer so many markets.

        What they leave is enough for baselines to answer all of them, and for
        writing the bands.
        """
        per_market_s = self.config.reserve_ms_per_market / _MS_PER_S
        reserve_s = self.config.reserve_s + n_markets * per_market_s
        return max(0.0, self.remaining_s - reserve_s)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Cycles that start at multiples of an interval; None: there is only one."""

    clock: Clock
    interval_s: float | None
    first_s: float

    def budget(self, config: CycleConfig) -> CycleBudget:
        """Return the budget of a cycle that starts now."""
        length_s = config.budget_s
        if self.interval_s is not None:
            most_s = config.max_share_of_interval * self.interval_s
            length_s = min(length_s, most_s)
        return CycleBudget(self.clock, self.clock(), length_s, config)

    def next_start(self, place: int) -> int:
        """Return the place of the first start after now, and after ``place``."""
        if self.interval_s is None:
            return place + 1
        passed = math.floor((self.clock() - self.first_s) / self.interval_s)
        return max(place, passed) + 1

    def wait_s(self, place: int) -> float:
        """Return how long it is until the start at ``place``."""
        start_s = self.first_s + place * (self.interval_s or 0.0)
        return max(0.0, start_s - self.clock())
