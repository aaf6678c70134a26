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

    Markets of one cycle come together or one by one; each time all of them are
    looked at anew, among as many as there were in this cycle or in the one before.
    """

    config: SignalsConfig
    grid_time: int = _NEVER
    trials: dict[str, Trial] = field(default_factory=dict)
    n_before: int = 0

    def join(self, grid_time: int, trials: Sequence[Trial]) -> None:
        """Take prices; with a newer grid time a cycle begins, late ones join it."""
        if grid_time > self.grid_time:
            self.n_before = len(self.trials)
            self.grid_time, self.trials = grid_time, {}
        self.trials |= {trial.key.market_id: trial for trial in trials}

    def q_values(self, references: References) -> list[tuple[Trial, float]]:
        """Return the q-value of each market that is outside its band."""
        outside = [
            trial
            for trial in self.trials.values()
            if trial.far_p_value <= self.config.enter_p
        ]
        if not outside:
            return []
        p_values = references.shares(
            outside[0].key.step_s, np.array([trial.far_p_value for trial in outside])
        )
        n_tests = max(len(self.trials), self.n_before)
        q_values = discovery_q_values(p_values, n_tests=n_tests)
        return list(zip(outside, q_values.tolist(), strict=True))
