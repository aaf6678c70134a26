"""Windows of simulated markets, at every pace that people watch markets at."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

import numpy as np

from tsfm_runner.learning.windows import (
    Habits,
    PricePaths,
    Windows,
    cut_windows,
    joined,
)
from tsfm_runner.testing.markets import PRIORS, simulate_markets

STEP_SHARES = {1: 0.22, 5: 0.3, 15: 0.18, 60: 0.22, 480: 0.04, 1440: 0.04}
"""Minutes between steps, and how many of the windows have them."""

PRIOR_SHARES = {"venues": 0.2, "broad": 0.8}
"""Kinds of markets, and how many of the windows are of them."""

LIVES = {"venues": (60, 100, 168, 300, 576, 864), "broad": (864,)}
"""Steps that are recorded of a market, each as often; those of ``venues`` close then,
those of ``broad`` at any time."""

_END = datetime(2026, 1, 1, tzinfo=UTC)
_SEEDS = 2**31


def made_of() -> dict[str, Any]:
    """Say which markets the windows are of; their constants by a digest."""
    constants = {prior: PRIORS[prior] for prior in PRIOR_SHARES}
    return {
        "priors": PRIOR_SHARES,
        "minutes": {str(minutes): share for minutes, share in STEP_SHARES.items()},
        "lives": {prior: list(lives) for prior, lives in LIVES.items()},
        "constants": hashlib.sha256(repr(constants).encode()).hexdigest()[:12],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedWindows:
    """Draws windows from newly simulated markets, several from each."""

    habits: Habits
    windows_per_path: int = 5

    def __call__(self, n: int, rng: np.random.Generator) -> Windows:
        """Return ``n`` windows of markets that nobody has seen."""
        kinds = list(product(STEP_SHARES.items(), PRIOR_SHARES.items()))
        shares = [by_step * by_prior for (_, by_step), (_, by_prior) in kinds]
        ends = np.round(n * np.cumsum(shares)).astype(int)
        counts = np.diff(ends, prepend=0).tolist()
        return joined(
            [
                cut_windows(
                    self._paths(count, minutes, prior, rng),
                    count,
                    habits=self.habits,
                    rng=rng,
                )
                for ((minutes, _), (prior, _)), count in zip(kinds, counts, strict=True)
                if count
            ]
        )

    def _paths(
        self, n: int, minutes: int, prior: str, rng: np.random.Generator
    ) -> PricePaths:
        markets = simulate_markets(
            -(-n // self.windows_per_path),
            n_steps=int(rng.choice(LIVES[prior])),
            step_s=60 * minutes,
            seed=int(rng.integers(_SEEDS)),
            end=_END,
            prior=prior,
        )
        close_step = [
            (listing.closes_at - markets.times[0]).total_seconds() / markets.step_s
            for listing in markets.listings
        ]
        n_paths = len(markets.prices)
        return PricePaths(
            markets.prices, np.full(n_paths, float(minutes)), np.array(close_step)
        )
