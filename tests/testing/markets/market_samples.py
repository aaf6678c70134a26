"""Recordings, beliefs and profiles that several tests look at."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import numpy as np

from tsfm_runner.testing.markets import SimulatedMarkets, simulate_markets
from tsfm_runner.testing.markets.belief import belief_paths
from tsfm_runner.testing.markets.events import draw_events
from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.outcomes import draw_markets
from tsfm_runner.testing.markets.profiles import Pace, Profile, Range, Spread, Venue
from tsfm_runner.testing.markets.traits import EventTraits, IntArray, MarketTraits

END = datetime(2026, 1, 1, tzinfo=UTC)
SEED = 7

LIVELY = Profile(
    category="question",
    question="Will it?",
    shape="single",
    weight=1.0,
    weight_hourly=1.0,
    closing_share=0.5,
    pace=Pace(
        volatility=Range(0.005, 0.05),
        stage_share=Range(0.1, 0.5),
        clustering=Range(0.2, 1.0),
        day_swing=Range(0.1, 0.8),
    ),
    venue=Venue(
        ticks=(0.01, 0.001),
        mid_share=0.5,
        noise=Range(0.001, 0.01),
        updates=Range(0.5, 5.0),
    ),
)
QUIET = replace(
    LIVELY,
    closing_share=0.0,
    extreme_share=0.0,
    pace=Pace(
        volatility=Range(1e-9, 1e-9),
        stage_share=Range(0.1, 0.1),
        stage_chance=0.0,
        clustering=Range(1e-9, 1e-9),
        day_swing=Range(1e-9, 1e-9),
        gust=Spread(0.0, 0.0),
        active_share=0.0,
        jump_share=0.0,
    ),
)


@cache
def sample(
    step_s: int = 300, n_markets: int = 300, n_steps: int = 288
) -> SimulatedMarkets:
    return simulate_markets(
        n_markets, n_steps=n_steps, step_s=step_s, seed=SEED, end=END
    )


@dataclass(frozen=True, slots=True, eq=False)
class Believed:
    """Markets, what each is worth at each step, and the shapes of their events."""

    events: EventTraits
    markets: MarketTraits
    fair: FloatArray
    shape: np.ndarray

    @property
    def event(self) -> IntArray:
        return self.markets.event

    @property
    def is_over(self) -> np.ndarray:
        """Which steps of each market lie at or after the close of its event."""
        steps = np.arange(len(self.fair))[:, None]
        return np.asarray(steps >= self.events.steps_to_close[self.event])


def believed(
    *profiles: Profile, n_markets: int, n_steps: int = 60, seed: int = SEED
) -> Believed:
    step_s, rng = 3_600, np.random.default_rng(seed)
    events = draw_events(
        n_markets, profiles=profiles, n_steps=n_steps, step_s=step_s, rng=rng
    )
    markets = draw_markets(events, profiles=profiles, step_s=step_s, rng=rng)
    paths = belief_paths(events, markets, n_steps=n_steps, step_s=step_s, rng=rng)
    shapes = np.array([profile.shape for profile in profiles])
    shape = shapes[events.profile][markets.event]
    return Believed(events, markets, paths.fair, shape)


def assert_fair(surprises: FloatArray) -> None:
    """Hold the mean of independent surprises against chance: 4 standard errors."""
    error = surprises.std() / np.sqrt(surprises.size)
    assert abs(surprises.mean()) < 4 * error


def flawless(n_markets: int, **flaws: float) -> MarketTraits:
    """Return markets without any flaw but those told, as events of their own."""
    usual = {
        name: np.zeros(n_markets)
        for name in MarketTraits.__dataclass_fields__
        if name not in {"event", "edges"}
    }
    told = {name: np.full(n_markets, value) for name, value in flaws.items()}
    return MarketTraits(
        event=np.arange(n_markets),
        edges=np.zeros((2, n_markets)),
        **{**usual, "speed": np.ones(n_markets), **told},
    )
