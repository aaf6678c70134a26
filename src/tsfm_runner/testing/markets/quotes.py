"""Venues: what of a belief can be read off a stale, coarse, noisy price."""

from typing import NamedTuple

import numpy as np

from tsfm_runner.testing.markets.belief import BeliefPaths
from tsfm_runner.testing.markets.flaws import flickering, followed, slipping
from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.traits import BoolArray, EventTraits, MarketTraits

FINE_TICK = 0.001
TAPER = 0.04
EDGE_NOISE = 0.1
CALMEST, BUSIEST = 0.05, 50.0
DECIMALS = 6


class QuotePaths(NamedTuple):
    """What the venue shows; arrays have shape ``(n_steps, n_markets)``.

    ``bids`` and ``asks`` are NaN where the venue shows last trades only.
    """

    prices: FloatArray
    bids: FloatArray
    asks: FloatArray


def quote_paths(
    beliefs: BeliefPaths,
    events: EventTraits,
    markets: MarketTraits,
    *,
    rng: np.random.Generator,
) -> QuotePaths:
    """Watch each belief through its venue.

    A quote is looked at now and then, more often when there is news, and moved
    only when it is off by more than an inaction band; else it stays, which is
    where the many exact ties of real series come from.
    """
    n_steps, n = beliefs.fair.shape
    event = markets.event
    is_mid, tick = events.is_mid[event], events.tick[event]
    is_tapered = events.is_tapered[event]
    chance = _update_chance(beliefs.pace, markets)
    beliefs_seen, flaws_rng = followed(beliefs.fair, markets), rng.spawn(1)[0]
    shown = np.empty((n_steps, n))
    ticks = np.empty((n_steps, n))
    quote, price, grid = np.full(n, np.inf), np.zeros(n), tick
    noise, side = np.zeros(n), np.ones(n)
    for step in range(n_steps):
        noise = _next_noise(noise, markets, rng)
        fair = _misread(beliefs_seen[step], noise)
        is_seen = rng.random(n) < chance[step]
        is_off = np.abs(fair - quote) > markets.inaction_ticks * grid / 2
        is_flipped = rng.random(n) < markets.bounce_rate
        side = np.where(is_seen & is_flipped, -side, side)
        is_first = np.isinf(quote)
        is_moved = is_first | (is_seen & is_off)
        quote = np.where(is_moved, fair, quote)
        grid = np.where(is_moved, _tick_at(fair, tick, is_tapered=is_tapered), grid)
        fresh = _shown(quote, side, grid, markets, is_mid=is_mid)
        price = np.where(is_first | is_seen, fresh, price)
        shown[step], ticks[step] = price, grid
    shown = flickering(shown, ticks, markets, is_mid=is_mid, rng=flaws_rng)
    shown = slipping(shown, ticks, markets, rng=flaws_rng)
    return _with_quotes(shown, ticks, markets, is_mid=is_mid)


def _update_chance(pace: FloatArray, markets: MarketTraits) -> FloatArray:
    busy = np.clip(pace, CALMEST, BUSIEST)[:, markets.event]
    return np.asarray(-np.expm1(-markets.updates * busy**markets.update_response))


def _next_noise(
    noise: FloatArray, markets: MarketTraits, rng: np.random.Generator
) -> FloatArray:
    """Return the error of an even quote; it fades like an AR(1)."""
    keep = markets.noise_memory
    fresh = np.sqrt(1 - keep**2) * rng.standard_normal(noise.size)
    return keep * noise + markets.noise * fresh


def _misread(fair: FloatArray, noise: FloatArray) -> FloatArray:
    """Add the error, which shrinks towards the edges but never vanishes."""
    size = np.maximum(2 * np.sqrt(fair * (1 - fair)), EDGE_NOISE)
    return np.asarray(np.clip(fair + noise * size, 0.0, 1.0))


def _tick_at(
    price: FloatArray, tick: FloatArray, *, is_tapered: BoolArray
) -> FloatArray:
    is_edge = np.minimum(price, 1 - price) < TAPER
    return np.where(is_edge & is_tapered, np.minimum(tick, FINE_TICK), tick)


def _shown(
    quote: FloatArray,
    side: FloatArray,
    grid: FloatArray,
    markets: MarketTraits,
    *,
    is_mid: BoolArray,
) -> FloatArray:
    """Return the middle, on half ticks, or a trade at the bid or the ask."""
    middle = np.round(quote / grid * 2) * grid / 2
    trade = np.round(quote / grid + side * markets.half_spread_ticks) * grid
    least = np.where(is_mid, grid / 2, grid)
    return np.clip(np.where(is_mid, middle, trade), least, 1 - least)


def _with_quotes(
    shown: FloatArray, ticks: FloatArray, markets: MarketTraits, *, is_mid: BoolArray
) -> QuotePaths:
    """Place bid and ask on the tick grid, the price exactly between them."""
    wide = np.floor((shown / ticks - markets.half_spread_ticks) + 1e-9) * ticks
    bids = np.maximum(wide, np.maximum(0.0, 2 * shown - 1))
    bids = np.where(is_mid, bids, np.nan)
    asks = 2 * shown - bids
    return QuotePaths(*(np.round(part, DECIMALS) for part in (shown, bids, asks)))
