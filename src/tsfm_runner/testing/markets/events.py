"""Draws events: of which kind, how many markets each has, and its constants."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.testing.markets.draws import Draws, log_uniform
from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.profiles import Profile, numbers_of
from tsfm_runner.testing.markets.traits import (
    BASE_STEP_S,
    HOUR_S,
    BoolArray,
    EventTraits,
    HazardTraits,
    IntArray,
    SessionTraits,
)

MAX_OUTCOMES = 9
LEAST_LIFE_SEEN = 0.1  # of a recording, where a life is longer than it


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
    draws = Draws(profiles, profile, rng)
    rare = Draws(profiles, profile, rng.spawn(1)[0])
    ticks = [profiles[kind].venue.ticks for kind in profile]
    clustering = draws.log_uniform("clustering")
    is_closing = draws.coin("closing_share")
    return EventTraits(
        profile=profile,
        n_markets=sizes,
        volatility=draws.log_uniform("volatility") * pace**0.35,
        stage_steps=_stage_steps(n_steps, step_s, draws, rare),
        stage_pace=rare.uniform("stage_pace"),
        steps_to_close=_steps_to_close(n_steps, step_s, is_closing, rare, rng=rng),
        cluster_sd=clustering,
        cluster_memory=draws.memory("cluster_memory"),
        gust_sd=draws.uniform("gust") * pace**0.15,
        burst_gain=draws.uniform("burst_gain") * clustering,
        burst_memory=draws.memory("burst_memory"),
        active_factor=draws.some("active_share", "active_factor", otherwise=1.0),
        wake_rate=1 / draws.log_uniform("wake_steps"),
        rest_rate=1 / draws.log_uniform("rest_steps"),
        news_rate=draws.log_uniform("news_rate"),
        news_size=draws.log_uniform("news_size"),
        news_memory=draws.memory("news_memory"),
        jump_rate=draws.some("jump_share", "jump_rate", otherwise=0.0),
        jump_size=draws.log_uniform("jump_size"),
        day_swing=draws.log_uniform("day_swing"),
        day_phase=rng.uniform(0, 2 * np.pi, n),
        tick=np.array([rng.choice(choices) for choices in ticks]),
        is_tapered=draws.coin("tapered_share"),
        is_mid=draws.coin("mid_share"),
        sessions=_draw_sessions(rare),
        hazards=_draw_hazards(rare, is_alone=sizes == 1),
    )


def _draw_sessions(draws: Draws) -> SessionTraits:
    return SessionTraits(
        are_kept=draws.coin("session_share"),
        hours=draws.uniform("session_hours"),
        rest=draws.log_uniform("session_rest"),
        phase=draws.phase(),
        rest_at_weekends=draws.coin("weekend_share"),
    )


def _draw_hazards(draws: Draws, *, is_alone: BoolArray) -> HazardTraits:
    """Draw the hazards of questions that stand alone; others have none."""
    rate = draws.log_uniform("hazard_rate")
    return HazardTraits(
        rate=rate * (draws.coin("hazard_share") & is_alone),
        start=draws.log_uniform("hazard_start"),
        is_no=draws.coin("hazard_no_share"),
    )


def _stage_steps(n_steps: int, step_s: int, draws: Draws, rare: Draws) -> FloatArray:
    """Return how long each final stage is; 0 where there is none."""
    shared = n_steps * draws.log_uniform("stage_share")
    timed = 60 * rare.log_uniform("stage_minutes") / step_s
    steps = np.where(rare.coin("timed_share"), timed, shared)
    return np.asarray(steps * rare.coin("stage_chance"))


def _steps_to_close(
    n_steps: int,
    step_s: int,
    is_closing: BoolArray,
    rare: Draws,
    *,
    rng: np.random.Generator,
) -> FloatArray:
    """Return when each event closes: soon after the recording, later, or within."""
    n = is_closing.size
    soon, later = rng.exponential(4, n), n_steps * log_uniform(0.2, 10, n, rng)
    open_steps = n_steps + np.where(is_closing, soon, later)
    within = n_steps * rare.log_uniform("ended_at")
    close = np.where(rare.coin("ended_share"), within, open_steps)
    life = rare.log_uniform("life_hours") * HOUR_S / step_s
    least = LEAST_LIFE_SEEN * n_steps
    seen = np.where(life < n_steps, life, least + (life - least) * rare.phase())
    return np.where(rare.coin("timed_life_share"), seen, close)


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
