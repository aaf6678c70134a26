"""Draws the constants of each simulated event and of the markets in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.testing.markets.normal import FloatArray, normal_quantile
from tsfm_runner.testing.markets.profiles import Profile, numbers_of

IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

BASE_STEP_S = 300
HOUR_S = 3_600
MAX_OUTCOMES = 9
FINE_TICK = 0.005
HALF = 0.5
EXTREME = (0.005, 0.3)  # how near to 0 or 1 extreme questions start
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
    is_in_sessions: BoolArray
    session_hours: FloatArray
    session_rest: FloatArray
    session_phase: FloatArray
    rests_at_weekends: BoolArray
    hazard_rate: FloatArray
    hazard_start: FloatArray
    is_hazard_no: BoolArray


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
    flicker_rate: FloatArray
    speed: FloatArray
    slip_rate: FloatArray
    slip_size: FloatArray
    slip_memory: FloatArray


class _Draws:
    """Draws constants of rows whose profiles are known."""

    def __init__(
        self,
        profiles: Sequence[Profile],
        profile: IntArray,
        rng: np.random.Generator,
    ) -> None:
        """Take the prior, the profile of each row, and where chance comes from."""
        self._profiles, self._profile, self._rng = profiles, profile, rng

    def of(self, name: str) -> FloatArray:
        """Return a constant of each row's profile."""
        return numbers_of(self._profiles, name)[self._profile]

    def log_uniform(self, name: str) -> FloatArray:
        """Return a draw from a range."""
        low, high = self.of(name).T
        return np.asarray(np.exp(self._rng.uniform(np.log(low), np.log(high))))

    def uniform(self, name: str) -> FloatArray:
        """Return a draw from a spread."""
        low, high = self.of(name).T
        return np.asarray(self._rng.uniform(low, high))

    def phase(self) -> FloatArray:
        """Return a moment of the week, as a share of it."""
        return self._rng.random(self._profile.size)

    def memory(self, name: str) -> FloatArray:
        """Return the share that survives one step of what lasts a range of steps."""
        return 1 - 1 / self.log_uniform(name)

    def coin(self, name: str) -> BoolArray:
        """Return whether each row has what a share of them have."""
        return np.asarray(self._rng.random(self._profile.size) < self.of(name))


def draw_events(
    n_markets: int,
    *,
    profiles: Sequence[Profile],
    n_steps: int,
    step_s: int,
    rng: np.random.Generator,
) -> EventTraits:
    """Draw events until their markets are at least ``n_markets``."""
    profile, sizes = _draw_sizes(n_markets, profiles, step_s=step_s, rng=rng)
    n, pace = profile.size, step_s / BASE_STEP_S
    draws = _Draws(profiles, profile, rng)
    rare = _Draws(profiles, profile, rng.spawn(1)[0])
    ticks = [profiles[kind].venue.ticks for kind in profile]
    clustering = draws.log_uniform("clustering")
    is_closing = draws.coin("closing_share")
    is_alone = sizes == 1
    return EventTraits(
        profile=profile,
        n_markets=sizes,
        volatility=draws.log_uniform("volatility") * pace**0.35,
        stage_steps=_stage_steps(n_steps, step_s, draws, rare),
        steps_to_close=_steps_to_close(n_steps, is_closing, rare, rng=rng),
        cluster_sd=clustering,
        cluster_memory=draws.memory("cluster_memory"),
        gust_sd=draws.uniform("gust") * pace**0.15,
        burst_gain=draws.uniform("burst_gain") * clustering,
        burst_memory=draws.memory("burst_memory"),
        active_factor=np.where(
            draws.coin("active_share"), draws.log_uniform("active_factor"), 1.0
        ),
        wake_rate=1 / draws.log_uniform("wake_steps"),
        rest_rate=1 / draws.log_uniform("rest_steps"),
        news_rate=draws.log_uniform("news_rate"),
        news_size=draws.log_uniform("news_size"),
        news_memory=draws.memory("news_memory"),
        jump_rate=np.where(
            draws.coin("jump_share"), draws.log_uniform("jump_rate"), 0.0
        ),
        jump_size=draws.log_uniform("jump_size"),
        day_swing=draws.log_uniform("day_swing"),
        day_phase=rng.uniform(0, 2 * np.pi, n),
        tick=np.array([rng.choice(choices) for choices in ticks]),
        is_tapered=draws.coin("tapered_share"),
        is_mid=draws.coin("mid_share"),
        is_in_sessions=rare.coin("session_share"),
        session_hours=rare.uniform("session_hours"),
        session_rest=rare.log_uniform("session_rest"),
        session_phase=rare.phase(),
        rests_at_weekends=rare.coin("weekend_share"),
        hazard_rate=rare.log_uniform("hazard_rate")
        * (rare.coin("hazard_share") & is_alone),
        hazard_start=rare.log_uniform("hazard_start"),
        is_hazard_no=rare.coin("hazard_no_share"),
    )


def _stage_steps(n_steps: int, step_s: int, draws: _Draws, rare: _Draws) -> FloatArray:
    """Return how long each final stage is; 0 where there is none."""
    shared = n_steps * draws.log_uniform("stage_share")
    timed = 60 * rare.log_uniform("stage_minutes") / step_s
    steps = np.where(rare.coin("timed_share"), timed, shared)
    return np.asarray(steps * rare.coin("stage_chance"))


def _steps_to_close(
    n_steps: int,
    is_closing: BoolArray,
    rare: _Draws,
    *,
    rng: np.random.Generator,
) -> FloatArray:
    """Return when each event closes: soon after the recording, later, or within."""
    n = is_closing.size
    soon, later = rng.exponential(4, n), n_steps * _log_uniform(0.2, 10, n, rng)
    open_steps = n_steps + np.where(is_closing, soon, later)
    within = n_steps * rare.uniform("ended_at")
    return np.where(rare.coin("ended_share"), within, open_steps)


def _draw_sizes(
    n_markets: int,
    profiles: Sequence[Profile],
    *,
    step_s: int,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Return the profile and the number of markets of each event."""
    weights = numbers_of(profiles, "weight" if step_s < HOUR_S else "weight_hourly")
    profile = rng.choice(len(profiles), size=n_markets, p=weights / weights.sum())
    is_alone = np.array([p.shape in {"single", "generic"} for p in profiles])[profile]
    sizes = np.where(is_alone, 1, rng.integers(3, MAX_OUTCOMES + 1, n_markets))
    n = int(np.searchsorted(np.cumsum(sizes), n_markets)) + 1
    profile, sizes = profile[:n], sizes[:n]
    sizes[-1] -= sizes.sum() - n_markets
    return profile, sizes


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
    draws = _Draws(profiles, profile, rng)
    rare = _Draws(profiles, profile, rng.spawn(1)[0])
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
    width = (_log_uniform(*SPAN, n_events, rng) / events.n_markets)[event]
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
    small = _log_uniform(*EXTREME, n, rng)
    extreme = np.where(rng.random(n) < HALF, small, 1 - small)
    even = rng.uniform(0.3, 0.7, n)
    which = rng.random(n)
    rest = np.where(which < HALF + extreme_shares, extreme, even)
    return np.where(which < HALF, anywhere, rest)


def _log_uniform(
    low: float, high: float, n: int, rng: np.random.Generator
) -> FloatArray:
    return np.exp(rng.uniform(np.log(low), np.log(high), n))
