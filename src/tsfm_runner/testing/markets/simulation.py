"""One call from a seed to recorded markets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import numpy as np

from tsfm_runner.testing.markets.belief import belief_paths
from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.profiles import PROFILES
from tsfm_runner.testing.markets.quotes import quote_paths
from tsfm_runner.testing.markets.traits import draw_events, draw_markets

LiquidityBucket: TypeAlias = Literal["low", "mid", "high"]

GENERATOR_VERSION = "1"
MIN_STEPS = 2
MID_LIQUIDITY, HIGH_LIQUIDITY = 0.12, 0.30


@dataclass(frozen=True, slots=True)
class MarketListing:
    """What is known of one simulated market besides its prices."""

    market_id: str
    event_id: str
    category: str
    question: str
    liquidity_bucket: LiquidityBucket
    tick_size: float
    closes_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMarkets:
    """Recorded markets, one row each.

    ``prices``, ``bids`` and ``asks`` have shape ``(n_markets, n_steps)``, oldest
    first, in [0, 1]; bids and asks are NaN where the venue shows last trades
    only. ``times`` has one entry a step.
    """

    prices: FloatArray
    bids: FloatArray
    asks: FloatArray
    times: tuple[datetime, ...]
    step_s: int
    listings: tuple[MarketListing, ...]


def simulate_markets(
    n_markets: int, *, n_steps: int, step_s: int, seed: int, end: datetime
) -> SimulatedMarkets:
    """Simulate prediction markets up to ``end``; one seed, one answer to the byte.

    Every market is open in the whole window; many close just after it.

    Raises
    ------
    ValueError
        If there is no market, fewer than two steps, a step without length, or
        ``end`` carries no time zone.

    """
    if n_markets < 1 or n_steps < MIN_STEPS or step_s < 1:
        raise ValueError("need at least 1 market, 2 steps and a step of 1 s")
    if end.tzinfo is None:
        raise ValueError("end must carry a time zone")
    rng = np.random.default_rng(seed)
    events = draw_events(n_markets, n_steps=n_steps, step_s=step_s, rng=rng)
    markets = draw_markets(events, step_s=step_s, rng=rng)
    beliefs = belief_paths(events, markets, n_steps=n_steps, step_s=step_s, rng=rng)
    quotes = quote_paths(beliefs, events, markets, rng=rng)
    step = timedelta(seconds=step_s)
    start = end - step * (n_steps - 1)
    moved = np.mean(np.diff(quotes.prices, axis=0) != 0, axis=0)
    open_steps = np.ceil(events.steps_to_close).astype(int)
    listings = (
        MarketListing(
            market_id=f"sim-{seed}-{number:06d}",
            event_id=f"sim-{seed}-event-{event:06d}",
            category=PROFILES[events.profile[event]].category,
            question=PROFILES[events.profile[event]].question,
            liquidity_bucket=liquidity_bucket(float(moved[number])),
            tick_size=float(events.tick[event]),
            closes_at=start + step * int(open_steps[event]),
        )
        for number, event in enumerate(markets.event)
    )
    return SimulatedMarkets(
        prices=np.ascontiguousarray(quotes.prices.T),
        bids=np.ascontiguousarray(quotes.bids.T),
        asks=np.ascontiguousarray(quotes.asks.T),
        times=tuple(start + step * number for number in range(n_steps)),
        step_s=step_s,
        listings=tuple(listings),
    )


def liquidity_bucket(moved_share: float) -> LiquidityBucket:
    """Name the liquidity of a market by the share of steps at which it moved."""
    if moved_share < MID_LIQUIDITY:
        return "low"
    return "mid" if moved_share < HIGH_LIQUIDITY else "high"
