"""What false alarms have looked like, learned from prices that came back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import SignalsConfig
from tsfm_runner.core.false_discovery import N_BINS, reference_bin, reference_shares
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.points import MarketPoints
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.signals.trials import MarketKey, Trial

# Recorded markets: a price that is so unlikely and far, and then comes back, is seen
# in 0.04 of its p-value of all observations (0.04 at five minutes, 0.037 at an hour).
_FIRST_RATE = 0.04
_STEPS_LATE = 2
_MOST_WAITING = 100_000


class _Suspect(NamedTuple):
    """A price that might be a false alarm, until it is known whether it came back."""

    p_value: float
    median: float
    due_s: float
    until_s: float


@dataclass(slots=True, eq=False)
class References:
    """Counts of observations in the normal range, by the step of their bands.

    A price near the median of its band is in the normal range. One that is far is,
    when it is back near the median after the lookback; one that stays away counts
    nowhere: the reference is of markets in which nothing happened. Until it is known
    which are back the others do not count either: of the first hour, or after a hole,
    false alarms would else seem to be fewer than they are.
    """

    config: SignalsConfig
    counts: dict[int, FloatArray] = field(default_factory=dict)
    _suspects: dict[MarketKey, list[_Suspect]] = field(default_factory=dict)
    _by_market: dict[str, set[MarketKey]] = field(default_factory=dict)
    _n_suspects: int = 0
    _normal: dict[int, dict[int, FloatArray]] = field(default_factory=dict)

    def shares(self, step_s: int, p_values: FloatArray) -> FloatArray:
        """Return how often a market in its normal range looks at least so unlikely."""
        return reference_shares(
            p_values,
            self._counts(step_s),
            prior_weight=self.config.reference_prior,
            prior_rate=_FIRST_RATE,
        )

    def learn_from(self, trials: Sequence[Trial]) -> None:
        """Keep prices in mind, and count those in the normal range when it is time."""
        for step_s, _, alike in grouped(trials, lambda trial: trial.key.step_s):
            p_values = np.array([trial.far_p_value for trial in alike])
            is_normal = p_values > self.config.enter_p
            counts = self._counts(step_s)
            counts *= 0.5 ** (p_values.size / self.config.reference_half_life)
            grid_time = int(max(trial.ts_s for trial in alike) // step_s)
            self._settle(step_s, grid_time)
            waiting = self._normal[step_s].setdefault(grid_time, np.zeros(N_BINS))
            np.add.at(waiting, reference_bin(p_values[is_normal]), 1)
            for place in np.flatnonzero(~is_normal).tolist():
                self._suspect(alike[place])

    def _settle(self, step_s: int, grid_time: int) -> None:
        """Count the normal prices whose companions are known by now."""
        waiting = self._normal.setdefault(step_s, {})
        last = grid_time - math.ceil(self._wait_s(step_s) / step_s)
        for due in [at for at in waiting if at <= last]:
            self._counts(step_s)[:] += waiting.pop(due)

    def _wait_s(self, step_s: int) -> float:
        return max(self.config.lookback_s, step_s)

    def _suspect(self, trial: Trial) -> None:
        if self._n_suspects >= _MOST_WAITING:
            return
        due_s = trial.ts_s + self._wait_s(trial.key.step_s)
        until_s = due_s + _STEPS_LATE * trial.key.step_s
        suspect = _Suspect(trial.p_value, trial.band.median, due_s, until_s)
        self._suspects.setdefault(trial.key, []).append(suspect)
        self._by_market.setdefault(trial.key.market_id, set()).add(trial.key)
        self._n_suspects += 1

    def hear(self, told: MarketPoints) -> None:
        """Count those among the suspects of a market that are back."""
        for key in self._by_market.get(told.market_id, ()):
            left = []
            for suspect in self._suspects[key]:
                place = int(np.searchsorted(told.times_s, suspect.due_s))
                if place == told.times_s.size:
                    left.append(suspect)
                elif told.times_s[place] <= suspect.until_s:
                    distance = abs(float(told.prices[place]) - suspect.median)
                    if distance < self.config.return_move:
                        bins = reference_bin(np.array([suspect.p_value]))
                        self._counts(key.step_s)[bins] += 1
            self._n_suspects -= len(self._suspects[key]) - len(left)
            self._suspects[key] = left

    def forget(self, now_s: float) -> None:
        """Let go of suspects that nobody told anything of."""
        for key in list(self._suspects):
            kept = [one for one in self._suspects[key] if one.until_s >= now_s]
            self._n_suspects -= len(self._suspects[key]) - len(kept)
            self._suspects[key] = kept
            if not kept:
                del self._suspects[key]
                keys = self._by_market[key.market_id]
                keys.discard(key)
                if not keys:
                    del self._by_market[key.market_id]

    def _counts(self, step_s: int) -> FloatArray:
        return self.counts.setdefault(step_s, np.zeros(N_BINS))
