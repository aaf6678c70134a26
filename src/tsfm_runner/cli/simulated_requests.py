"""Simulated markets as forecast requests in the words of the wire."""

from datetime import datetime
from typing import Any

from tsfm_runner.testing.markets import SimulatedMarkets, simulate_markets

STEP_S = 300
N_STEPS = 288


def simulated_day(n_markets: int, *, seed: int, end: datetime) -> SimulatedMarkets:
    """Return a day of markets at five minutes, the service's usual context."""
    return simulate_markets(
        n_markets, n_steps=N_STEPS, step_s=STEP_S, seed=seed, end=end
    )


def requests_of(markets: SimulatedMarkets) -> list[dict[str, Any]]:
    """Return the plainest request for each market, asked at its last price."""
    as_of_ts = markets.times[-1].strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "market_id": listing.market_id,
            "as_of_ts": as_of_ts,
            "y": prices.round(6).tolist(),
        }
        for listing, prices in zip(markets.listings, markets.prices, strict=True)
    ]
