"""Draws the markets of each event: what each pays on, and how its venue quotes."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.testing.markets.draws import Draws, log_uniform
from tsfm_runner.testing.markets.normal import FloatArray, normal_quantile
from tsfm_runner.testing.markets.profiles import Profile, numbers_of
from tsfm_runner.testing.markets.traits import (
    BASE_STEP_S,
    EventTraits,
    IntArray,
    MarketTraits,
)

FINE_TICK = 0.005
HALF = 0.5
EXTREME = (0.005, 0.3)  # how near to 0 or 1 extreme questions start
SPAN = (2.0, 3.5)  # width of all bands together, standard deviations


def draw_markets(
    events: EventTraits,
    *,
    profiles: Sequence[Profile],
    step_s: int,
    rng: np.random.Generator,
) -> MarketTraits:
    """Draw the markets of each event; those of one event stand side by side."""
    event = np.repeat(np.arange(events.profile.size), events.n_markets)
    profile = events.profile[event]
    draws = Draws(profiles, profile, rng)
    rare = Draws(profiles, profile, rng.spawn(1)[0])
    pace = np.sqrt(step_s / BASE_STEP_S)
    spread = np.exp(rng.normal(0.0, draws.of("spread_sd"))) * draws.of("spread_ticks")
    is_fine = events.tick[event] < FINE_TICK
    spread *= np.where(is_fine, rare.log_uniform("fine_spread"), 1.0)
    return MarketTraits(
        event=event,
        edges=_edges(events, event, profiles, rng),
        updates=draws.log_uniform("updates") * pace,
        update_response=draws.uniform("update_response"),
        inaction_ticks=draws.log_uniform("inaction_ticks"),
        half_spread_ticks=np.maximum(np.round(spread), 1.0) / 2,
        noise=draws.log_uniform("noise") * np.sqrt(pace),
        noise_memory=draws.memory("noise_memory"),
        bounce_rate=draws.uniform("bounce"),
        flicker_rate=rare.log_uniform("flicker_rate") * rare.coin("flicker_share"),
        speed=np.where(
            rare.coin("sluggish_share"), rare.uniform("sluggish_speed"), 1.0
        ),
        slip_rate=rare.log_uniform("slip_rate") * rare.coin("slip_share"),
        slip_size=rare.uniform("slip_size"),
        slip_memory=rare.uniform("slip_memory"),
    )


def _edges(
    events: EventTraits,
    event: IntArray,
    profiles: Sequence[Profile],
    rng: np.random.Generator,
) -> FloatArray:
    """Return probits of ending above each market's lower and upper threshold."""
    n_events = events.profile.size
    shape = np.array([p.shape for p in profiles])[events.profile][event]
    first = np.cumsum(events.n_markets) - events.n_markets
    rank = np.arange(event.size) - first[event]
    centre = (events.n_markets * rng.uniform(0.2, 0.8, n_events))[event]
    width = (log_uniform(*SPAN, n_events, rng) / events.n_markets)[event]
    lower, upper = (centre - rank) * width, (centre - rank - 1) * width
    lower = np.where((shape == "bands") & (rank == 0), np.inf, lower)
    is_last = rank == events.n_markets[event] - 1
    upper = np.where((shape == "bands") & ~is_last, upper, -np.inf)
    shares = numbers_of(profiles, "extreme_share")[events.profile][event]
    alone = normal_quantile(_opening_prices(shares, rng))
    is_banded = (shape == "bands") | (shape == "ladder")
    return np.stack((np.where(is_banded, lower, alone), upper))


def _opening_prices(extreme_shares: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return prices of single questions: many anywhere, some extreme, some even."""
    n = extreme_shares.size
    anywhere = rng.uniform(0.05, 0.95, n)
    small = log_uniform(*EXTREME, n, rng)
    extreme = np.where(rng.random(n) < HALF, small, 1 - small)
    even = rng.uniform(0.3, 0.7, n)
    which = rng.random(n)
    rest = np.where(which < HALF + extreme_shares, extreme, even)
    return np.where(which < HALF, anywhere, rest)
