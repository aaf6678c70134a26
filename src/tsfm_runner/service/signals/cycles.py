"""The budget of false alarms: who stands out among all that are watched."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tsfm_runner.config import SignalsConfig
from tsfm_runner.core.false_discovery import discovery_q_values
from tsfm_runner.service.signals.references import References
from tsfm_runner.service.signals.trials import Trial

_NEVER = -(10**12)


@dataclass(slots=True, eq=False)
class Cycle:
    """The prices of one grid time, as they come in.

    Markets of one cycle come together or one by one; each time all that are outside
    are looked at anew, among as many as there were in any cycle of the last hour
    (`lookback_minutes`), or in the one before. Some times hold a few prices only.
    """

    config: SignalsConfig
    step_s: int
    grid_time: int = _NEVER
    outside: dict[str, Trial] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _before: dict[int, int] = field(default_factory=dict)
    _n_before: int = 0

    @property
    def n_tests(self) -> int:
        """How many markets are watched."""
        return max(len(self._seen), self._n_before)

    def join(self, grid_time: int, trials: Sequence[Trial]) -> None:
        """Take prices; with a newer grid time a cycle begins, late ones join it."""
        if grid_time > self.grid_time:
            self._begin(grid_time)
        for trial in trials:
            market_id = trial.key.market_id
            self._seen.add(market_id)
            self.outside.pop(market_id, None)
            if trial.far_p_value <= self.config.enter_p:
                self.outside[market_id] = trial

    def _begin(self, grid_time: int) -> None:
        last, oldest = self.grid_time, grid_time - self.config.lookback_s // self.step_s
        self._before[last] = len(self._seen)
        self._before = {
            at: n for at, n in self._before.items() if at == last or at >= oldest
        }
        self._n_before = max(self._before.values())
        self.grid_time, self.outside, self._seen = grid_time, {}, set()

    def forget(self, market_id: str) -> None:
        """Look at a market no more; it still counts among those that were watched."""
        self.outside.pop(market_id, None)

    def q_values(self, references: References) -> list[tuple[Trial, float]]:
        """Return the q-value of each market that is outside its band."""
        outside = list(self.outside.values())
        if not outside:
            return []
        p_values = references.shares(
            self.step_s, np.array([trial.far_p_value for trial in outside])
        )
        q_values = discovery_q_values(p_values, n_tests=self.n_tests)
        return list(zip(outside, q_values.tolist(), strict=True))
