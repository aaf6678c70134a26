"""Draws the constants of each simulated event and of the markets in it."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.testing.markets.normal import FloatArray, normal_quantile
from tsfm_runner.testing.markets.profiles import PROFILES

IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

BASE_STEP_S = 300
HOUR_S = 3_600
MAX_OUTCOMES = 9
SPAN = (2.0, 3.5)  # width of all bands together, standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class EventTraits:
    """Constants of each event; every array has shape ``(n_events,)``."""

    profile: IntArray
    n_markets: IntArray
    volatility: FloatArray
    stage_steps: FloatArray
    steps_to_close: FloatArray
    cluster_sd: FloatArray
    cluster_memory: FloatArray
    gust_sd: FloatArray
    burst_gain: FloatArray
    burst_memory: FloatArray
    active_factor: FloatArray
    wake_rate: FloatArray
    rest_rate: FloatArray
    news_rate: FloatArray
    news_size: FloatArray
    news_memory: FloatArray
    jump_rate: FloatArray
    jump_size: FloatArray
    day_swing: FloatArray
    day_phase: FloatArray
    tick: FloatArray
    is_tapered: BoolArray
    is_mid: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class MarketTraits:
    """Constants of each market; arrays have shape ``(n_markets,)``.

    ``edges`` has shape ``(2, n_markets)``: the market pays when the event's score
    ends between two thresholds, given here as probits of ending above them.
    """

    event: IntArray
    edges: FloatArray
    updates: FloatArray
    update_response: FloatArray
    inaction_ticks: FloatArray
    half_spread_ticks: FloatArray
    noise: FloatArray
    noise_memory: FloatArray
    bounce_rate: FloatArray


def draw_events(
    n_markets: int, *, n_steps: int, step_s: int, rng: np.random.Generator
) -> EventTraits:
    """Draw events until their markets are at least ``n_markets``."""
    profile, sizes = _draw_sizes(n_markets, step_s=step_s, rng=rng)
    n = profile.size
    pace = step_s / BASE_STEP_S
    ticks = [PROFILES[kind].ticks for kind in profile]
    clustering = _from_ranges("clustering", profile, rng)
    is_closing = _coin(_of_profile("closing_share", profile), n, rng)
    return EventTraits(
        profile=profile,
        n_markets=sizes,
        volatility=_from_ranges("volatility", profile, rng) * pace**0.35,
        stage_steps=n_steps * _from_ranges("stage_share", profile, rng),
        steps_to_close=n_steps
        + np.where(
            is_closing, rng.exponential(4, n), n_steps * _log_uniform(0.2, 10, n, rng)
        ),
        cluster_sd=clustering,
        cluster_memory=_memory(20, 500, n, rng),
        gust_sd=rng.uniform(0.3, 0.8, n) * pace**0.15,
        burst_gain=rng.uniform(0.0, 0.4, n) * clustering,
        burst_memory=_memory(4, 30, n, rng),
        active_factor=np.where(_coin(0.7, n, rng), _log_uniform(2, 12, n, rng), 1.0),
        wake_rate=1 / _log_uniform(30, 600, n, rng),
        rest_rate=1 / _log_uniform(15, 200, n, rng),
        news_rate=_log_uniform(1e-4, 1e-2, n, rng),
        news_size=_log_uniform(3, 30, n, rng),
        news_memory=_memory(3, 60, n, rng),
        jump_rate=np.where(_coin(0.6, n, rng), _log_uniform(1e-3, 0.05, n, rng), 0.0),
        jump_size=_log_uniform(2, 8, n, rng),
        day_swing=_from_ranges("day_swing", profile, rng),
        day_phase=rng.uniform(0, 2 * np.pi, n),
        tick=np.array([rng.choice(choices) for choices in ticks]),
        is_tapered=_coin(0.5, n, rng),
        is_mid=_coin(_of_profile("mid_share", profile), n, rng),
    )


def _draw_sizes(
    n_markets: int, *, step_s: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Return the profile and the number of markets of each event."""
    weights = np.array(
        [p.weight if step_s < HOUR_S else p.weight_hourly for p in PROFILES]
    )
    profile = rng.choice(len(PROFILES), size=n_markets, p=weights / weights.sum())
    is_single = np.array([p.shape == "single" for p in PROFILES])[profile]
    sizes = np.where(is_single, 1, rng.integers(3, MAX_OUTCOMES + 1, n_markets))
    n = int(np.searchsorted(np.cumsum(sizes), n_markets)) + 1
    profile, sizes = profile[:n], sizes[:n]
    sizes[-1] -= sizes.sum() - n_markets
    return profile, sizes


def draw_markets(
    events: EventTraits, *, step_s: int, rng: np.random.Generator
) -> MarketTraits:
    """Draw the markets of each event; those of one event stand side by side."""
    event = np.repeat(np.arange(events.profile.size), events.n_markets)
    n = event.size
    pace = np.sqrt(step_s / BASE_STEP_S)
    spread = np.exp(rng.normal(0.0, 0.7, n))
    return MarketTraits(
        event=event,
        edges=_edges(events, event, rng),
        updates=_from_ranges("updates", events.profile[event], rng) * pace,
        update_response=rng.uniform(0.3, 1.2, n),
        inaction_ticks=_log_uniform(0.3, 1.5, n, rng),
        half_spread_ticks=np.maximum(np.round(spread), 1.0) / 2,
        noise=_from_ranges("noise", events.profile[event], rng) * np.sqrt(pace),
        noise_memory=_memory(1, 4, n, rng),
        bounce_rate=rng.uniform(0.15, 0.6, n),
    )


def _edges(
    events: EventTraits, event: IntArray, rng: np.random.Generator
) -> FloatArray:
    """Return probits of ending above each market's lower and upper threshold."""
    n_events = events.profile.size
    shape = np.array([p.shape for p in PROFILES])[events.profile][event]
    first = np.cumsum(events.n_markets) - events.n_markets
    rank = np.arange(event.size) - first[event]
    centre = (events.n_markets * rng.uniform(0.2, 0.8, n_events))[event]
    width = (_log_uniform(*SPAN, n_events, rng) / events.n_markets)[event]
    lower, upper = (centre - rank) * width, (centre - rank - 1) * width
    lower = np.where((shape == "bands") & (rank == 0), np.inf, lower)
    is_last = rank == events.n_markets[event] - 1
    upper = np.where((shape == "bands") & ~is_last, upper, -np.inf)
    alone = normal_quantile(_opening_prices(event.size, rng))
    return np.stack((np.where(shape == "single", alone, lower), upper))


def _opening_prices(n: int, rng: np.random.Generator) -> FloatArray:
    """Return prices of single questions: many anywhere, some extreme, some even."""
    anywhere = rng.uniform(0.05, 0.95, n)
    small = _log_uniform(0.005, 0.3, n, rng)
    extreme = np.where(_coin(0.5, n, rng), small, 1 - small)
    even = rng.uniform(0.3, 0.7, n)
    return np.choose(
        rng.choice(3, size=n, p=(0.5, 0.1, 0.4)), (anywhere, extreme, even)
    )


def _coin(share: FloatArray | float, n: int, rng: np.random.Generator) -> BoolArray:
    return np.asarray(rng.random(n) < share)


def _of_profile(name: str, profile: IntArray) -> FloatArray:
    return np.array([getattr(kind, name) for kind in PROFILES], dtype=float)[profile]


def _from_ranges(name: str, profile: IntArray, rng: np.random.Generator) -> FloatArray:
    low, high = np.array([getattr(kind, name) for kind in PROFILES])[profile].T
    return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high))))


def _log_uniform(
    low: float, high: float, n: int, rng: np.random.Generator
) -> FloatArray:
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


def _memory(low: float, high: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Return the share that survives one step; lifetimes are log-uniform in steps."""
    return 1 - 1 / _log_uniform(low, high, n, rng)
