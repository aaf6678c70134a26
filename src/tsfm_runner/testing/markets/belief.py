"""Latent beliefs: exact martingales whose pace clusters, rests, wakes and jumps."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tsfm_runner.testing.markets.hazards import hazard_paths, with_hazards
from tsfm_runner.testing.markets.normal import FloatArray, normal_cdf
from tsfm_runner.testing.markets.sessions import session_pace
from tsfm_runner.testing.markets.traits import (
    HOUR_S,
    BoolArray,
    EventTraits,
    MarketTraits,
)

DAY_S = 86_400
MAX_INFORMATION = 2.5
MAX_STAGE_PACE = 7.0
ALL_THAT_IS_LEFT = 1e9  # when an event closes, its score is known
MAX_PROBIT = 40.0
CALM_SHOCK = np.sqrt(2 / np.pi)  # the mean of |shock|: bursts average to nothing


@dataclass(frozen=True, slots=True, eq=False)
class BeliefPaths:
    """What the crowd would say, and how fast it learns.

    ``fair`` has shape ``(n_steps, n_markets)``, probabilities. ``pace`` has shape
    ``(n_steps, n_events)``, information per step in units of the event's ordinary
    step.
    """

    fair: FloatArray
    pace: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Mood:
    """State of an event's pace: slow level, burst, news, and awake or not."""

    level: FloatArray
    burst: FloatArray
    news: FloatArray
    is_awake: BoolArray

    @classmethod
    def first(cls, events: EventTraits, rng: np.random.Generator) -> Self:
        """Draw the mood from about where it settles."""
        n = events.volatility.size
        awake = events.wake_rate / (events.wake_rate + events.rest_rate)
        level = events.cluster_sd * rng.standard_normal(n)
        return cls(level, np.zeros(n), np.zeros(n), rng.random(n) < awake)

    def after(
        self, shock: FloatArray, *, events: EventTraits, rng: np.random.Generator
    ) -> Self:
        """Return the next mood; a large shock raises the pace of what follows."""
        n, keep = self.level.size, events.cluster_memory
        fresh = events.cluster_sd * np.sqrt(1 - keep**2) * rng.standard_normal(n)
        surprise = np.abs(shock) - CALM_SHOCK
        is_news = rng.random(n) < events.news_rate
        flip = np.where(self.is_awake, events.rest_rate, events.wake_rate)
        return type(self)(
            keep * self.level + fresh,
            events.burst_memory * self.burst + events.burst_gain * surprise,
            np.where(is_news, events.news_size, events.news_memory * self.news),
            self.is_awake ^ (rng.random(n) < flip),
        )

    @property
    def cluster(self) -> FloatArray:
        """The slow level and the burst together, in logs."""
        return self.level + self.burst

    def pace(self, events: EventTraits) -> FloatArray:
        """Return the pace of information, about 1 on an ordinary step."""
        awake = np.where(self.is_awake, events.active_factor, 1.0)
        drag = 0.5 * events.cluster_sd**2
        return np.asarray(np.exp(self.cluster - drag) * awake * (1 + self.news))


def belief_paths(
    events: EventTraits,
    markets: MarketTraits,
    *,
    n_steps: int,
    step_s: int,
    rng: np.random.Generator,
) -> BeliefPaths:
    """Simulate what each market is worth, step by step, all markets at once.

    The probit z of a belief obeys z' = sqrt(1 + b^2) z + b shock, where b is the
    information of the step: for any b that is known before the shock, the
    probability Phi(z) is a martingale. Markets of one event share shocks, so
    bands that exclude each other keep their sum.
    """
    fair = np.empty((n_steps, markets.event.size))
    pace = np.empty((n_steps, events.volatility.size))
    edges, mood = markets.edges, _Mood.first(events, rng)
    swing_mean = np.sqrt(np.i0(2 * events.day_swing))  # over the day, root mean square
    hazard = hazard_paths(
        events.hazards,
        steps_to_close=events.steps_to_close,
        n_steps=n_steps,
        rng=rng.spawn(1)[0],
    )
    for step in range(n_steps):
        day = _day_pace(events, swing_mean, step=step, step_s=step_s, rng=rng)
        information = _information(mood, events, day=day, step=step, rng=rng)
        shock = rng.standard_normal(information.size)
        push = (information * shock)[markets.event]
        growth = np.sqrt(1 + information**2)[markets.event]
        edges = np.clip(edges * growth + push, -MAX_PROBIT, MAX_PROBIT)
        is_over = (step >= events.steps_to_close)[markets.event]
        edges = np.where(is_over, np.copysign(MAX_PROBIT, edges), edges)
        fair[step] = normal_cdf(edges[0]) - normal_cdf(edges[1])
        pace[step] = np.where(step > events.steps_to_close, 0.0, information)
        mood = mood.after(shock, events=events, rng=rng)
    if hazard.any():
        is_no = events.hazards.is_no[markets.event]
        fair = with_hazards(fair, hazard[:, markets.event], is_no=is_no)
    return BeliefPaths(np.clip(fair, 0.0, 1.0), pace / events.volatility)


def _day_pace(
    events: EventTraits,
    swing_mean: FloatArray,
    *,
    step: int,
    step_s: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return what the time of day, the session and a gust make of the pace."""
    angle = 2 * np.pi * step * step_s / DAY_S + events.day_phase
    gust = events.gust_sd * rng.standard_normal(events.gust_sd.size)
    day = np.exp(events.day_swing * np.sin(angle) + gust - events.gust_sd**2)
    day /= swing_mean
    return np.asarray(day * session_pace(events.sessions, hours=step * step_s / HOUR_S))


def _information(
    mood: _Mood,
    events: EventTraits,
    *,
    day: FloatArray,
    step: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return b for this step: ordinary news, the final stage, and jumps."""
    ordinary = events.volatility * mood.pace(events) * day
    left = np.maximum(events.steps_to_close - step, 1.0)
    is_last = (events.steps_to_close > step - 1) & (events.steps_to_close <= step)
    stage_pace = np.minimum(
        events.stage_pace * day * np.exp(mood.cluster - events.cluster_sd**2),
        MAX_STAGE_PACE,
    )
    stage = np.where(left < events.stage_steps, stage_pace / np.sqrt(left), 0.0)
    is_jump = rng.random(left.size) < events.jump_rate
    jump = np.where(is_jump, events.jump_size, 1.0)
    information = np.minimum(np.hypot(ordinary, stage) * jump, MAX_INFORMATION)
    return np.asarray(np.where(is_last, ALL_THAT_IS_LEFT, information))
