"""One call from a seed to recorded markets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from tsfm_runner.testing.markets.belief import belief_paths
from tsfm_runner.testing.markets.events import draw_events
from tsfm_runner.testing.markets.generic import generic_paths
from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.outcomes import draw_markets
from tsfm_runner.testing.markets.priors import PRIORS
from tsfm_runner.testing.markets.profiles import Profile
from tsfm_runner.testing.markets.quotes import QuotePaths, quote_paths
from tsfm_runner.testing.markets.traits import EventTraits, IntArray, MarketTraits

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


class _Paths(NamedTuple):
    events: EventTraits
    markets: MarketTraits
    quotes: QuotePaths


def simulate_markets(  # noqa: PLR0913 - all of it says what is drawn
    n_markets: int,
    *,
    n_steps: int,
    step_s: int,
    seed: int,
    end: datetime,
    prior: str = "venues",
) -> SimulatedMarkets:
    """Simulate prediction markets up to ``end``; one seed, one answer to the byte.

    ``prior`` names the kinds of events that are drawn, see ``PRIORS``. Markets of
    ``venues`` are open in the whole window, and many close just after it; some of
    the other priors close before its end, and stay where they ended.

    Raises
    ------
    ValueError
        If there is no market, fewer than two steps, a step without length, no such
        prior, or ``end`` carries no time zone.

    """
    if n_markets < 1 or n_steps < MIN_STEPS or step_s < 1:
        raise ValueError("need at least 1 market, 2 steps and a step of 1 s")
    if end.tzinfo is None:
        raise ValueError("end must carry a time zone")
    if prior not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}, got {prior}")
    return simulate_profiles(
        n_markets, PRIORS[prior], n_steps=n_steps, step_s=step_s, seed=seed, end=end
    )


def simulate_profiles(  # noqa: PLR0913 - all of it says what is drawn
    n_markets: int,
    profiles: Sequence[Profile],
    *,
    n_steps: int,
    step_s: int,
    seed: int,
    end: datetime,
) -> SimulatedMarkets:
    """Simulate markets of a prior that has no name, given by its profiles."""
    paths = _simulated(n_markets, profiles, n_steps=n_steps, step_s=step_s, seed=seed)
    step = timedelta(seconds=step_s)
    start = end - step * (n_steps - 1)
    return SimulatedMarkets(
        prices=np.ascontiguousarray(paths.quotes.prices.T),
        bids=np.ascontiguousarray(paths.quotes.bids.T),
        asks=np.ascontiguousarray(paths.quotes.asks.T),
        times=tuple(start + step * number for number in range(n_steps)),
        step_s=step_s,
        listings=tuple(_listings(paths, profiles, start, step, seed=seed)),
    )


def _simulated(
    n_markets: int,
    profiles: Sequence[Profile],
    *,
    n_steps: int,
    step_s: int,
    seed: int,
) -> _Paths:
    rng = np.random.default_rng(seed)
    events = draw_events(
        n_markets, profiles=profiles, n_steps=n_steps, step_s=step_s, rng=rng
    )
    markets = draw_markets(events, profiles=profiles, step_s=step_s, rng=rng)
    beliefs = belief_paths(events, markets, n_steps=n_steps, step_s=step_s, rng=rng)
    quotes = quote_paths(beliefs, events, markets, rng=rng)
    is_generic = np.array([kind.shape == "generic" for kind in profiles])
    columns = np.flatnonzero(is_generic[events.profile[markets.event]])
    return _Paths(events, markets, _with_generic(quotes, columns, rng))


def _with_generic(
    quotes: QuotePaths, columns: IntArray, rng: np.random.Generator
) -> QuotePaths:
    """Put series that are no markets in the place of some, without quotes."""
    if columns.size == 0:
        return quotes
    prices, bids, asks = (part.copy() for part in quotes)
    prices[:, columns] = generic_paths(columns.size, n_steps=len(prices), rng=rng)
    bids[:, columns] = asks[:, columns] = np.nan
    return QuotePaths(prices, bids, asks)


def _listings(
    paths: _Paths,
    profiles: Sequence[Profile],
    start: datetime,
    step: timedelta,
    *,
    seed: int,
) -> Iterator[MarketListing]:
    events, prices = paths.events, paths.quotes.prices
    moved = np.mean(np.diff(prices, axis=0) != 0, axis=0)
    open_steps = np.ceil(events.steps_to_close).astype(int)
    for number, event in enumerate(paths.markets.event):
        profile = profiles[events.profile[event]]
        yield MarketListing(
            market_id=f"sim-{seed}-{number:06d}",
            event_id=f"sim-{seed}-event-{event:06d}",
            category=profile.category,
            question=profile.question,
            liquidity_bucket=liquidity_bucket(float(moved[number])),
            tick_size=float(events.tick[event]),
            closes_at=start + step * int(open_steps[event]),
        )


def liquidity_bucket(moved_share: float) -> LiquidityBucket:
    """Name the liquidity of a market by the share of steps at which it moved."""
    if moved_share < MID_LIQUIDITY:
        return "low"
    return "mid" if moved_share < HIGH_LIQUIDITY else "high"
