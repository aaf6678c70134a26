"""One small recording that several tests look at."""

from datetime import UTC, datetime
from functools import cache

from tsfm_runner.testing.markets import SimulatedMarkets, simulate_markets

END = datetime(2026, 1, 1, tzinfo=UTC)
SEED = 7


@cache
def sample(
    step_s: int = 300, n_markets: int = 300, n_steps: int = 288
) -> SimulatedMarkets:
    return simulate_markets(
        n_markets, n_steps=n_steps, step_s=step_s, seed=SEED, end=END
    )
