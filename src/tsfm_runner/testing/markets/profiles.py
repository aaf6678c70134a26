"""What a prior says of prediction markets: kinds of events, and ranges of constants.

Time constants count steps, not minutes: people watch a fast market by the minute
and a slow one by the day, so the paths of both look alike at their own step.

A range is drawn log-uniformly, a spread uniformly; a share is the chance that an
event or a market has something at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt


class Range(NamedTuple):
    """Drawn log-uniformly; both ends are positive."""

    low: float
    high: float


class Spread(NamedTuple):
    """Drawn uniformly."""

    low: float
    high: float


Shape: TypeAlias = Literal["single", "bands", "ladder", "generic"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How information arrives at an event.

    Attributes
    ----------
    volatility : range
        News in one five-minute step outside the final stage, probit units.
    stage_share : range
        Length of the final stage, in which what is left becomes known, as a
        share of the recording.
    stage_chance : float
        Share of events that have a final stage; others learn at their ordinary
        pace until they close.
    stage_pace : spread
        News in a step of the final stage, times the square root of the steps that
        are left: 1 for a score that wanders evenly and is compared at the end,
        less where most is decided late.
    timed_share, stage_minutes
        Share of events whose final stage takes its own time, as a match does,
        however often prices are looked at.
    clustering : range
        Spread of the logarithm of the pace; more makes calm and stormy times.
    day_swing : range
        Amplitude of the logarithm of the pace over the day.
    session_share, session_hours, session_rest, weekend_share
        Share of events that news comes to in sessions, as to shares on weekdays;
        how long one is, what is left of the pace outside, and how many of these
        events rest at weekends too.
    cluster_memory, burst_memory, news_memory : range
        Steps that the slow level, a burst and news last.
    gust : spread
        Spread of the logarithm of the pace from one step to the next.
    burst_gain : spread
        How much a large step raises the pace of the next, times the clustering.
    active_share, active_factor, wake_steps, rest_steps
        Share of events with two regimes, how much faster the busy one is, and
        how long the calm and the busy one last.
    news_rate, news_size : range
        Chance of news in a step, and how much it raises the pace.
    jump_share, jump_rate, jump_size
        Share of events whose information comes in single large steps at times.
    hazard_share, hazard_no_share, hazard_rate, hazard_start
        Share of single questions that something may decide at any moment, and of
        these the share where that would be a no; its chance in one step, and what
        it is thought to be at the start.

    """

    volatility: Range
    stage_share: Range
    clustering: Range
    day_swing: Range
    stage_chance: float = 1.0
    stage_pace: Spread = Spread(1.2, 1.2)
    timed_share: float = 0.0
    stage_minutes: Range = Range(60, 300)
    session_share: float = 0.0
    session_hours: Spread = Spread(5, 14)
    session_rest: Range = Range(0.01, 0.3)
    weekend_share: float = 0.6
    cluster_memory: Range = Range(20, 500)
    gust: Spread = Spread(0.3, 0.8)
    burst_gain: Spread = Spread(0.0, 0.4)
    burst_memory: Range = Range(4, 30)
    active_share: float = 0.7
    active_factor: Range = Range(2, 12)
    wake_steps: Range = Range(30, 600)
    rest_steps: Range = Range(15, 200)
    news_rate: Range = Range(1e-4, 1e-2)
    news_size: Range = Range(3, 30)
    news_memory: Range = Range(3, 60)
    jump_share: float = 0.6
    jump_rate: Range = Range(1e-3, 0.05)
    jump_size: Range = Range(2, 8)
    hazard_share: float = 0.0
    hazard_no_share: float = 0.3
    hazard_rate: Range = Range(2e-5, 4e-3)
    hazard_start: Range = Range(0.01, 0.6)


@dataclass(frozen=True, slots=True)
class Venue:
    """What of a belief its price shows.

    Attributes
    ----------
    ticks : tuple of float
        Price steps of the venue; one is drawn per event.
    mid_share : float
        Share of events whose price is the middle of bid and ask; the price of
        the others is the last trade.
    tapered_share : float
        Share of events with finer ticks near 0 and 1.
    noise, noise_memory : range
        Spread of the error of an even quote, probability units, and the steps
        that it lasts.
    updates : range
        Quote updates in one five-minute step of ordinary activity.
    update_response : spread
        How strongly updates follow the pace of information.
    inaction_ticks : range
        A quote is left alone within half of this many ticks of the belief.
    spread_ticks, spread_sd : float
        Median of the ticks between bid and ask, and the spread of its logarithm.
    fine_spread : range
        How many times wider it is where ticks are finer than half a cent.
    bounce : spread
        Chance that the next trade is on the other side of the book.
    flicker_share, flicker_rate
        Share of mid prices that are off by half a tick or a tick at times, and
        the chance of it at an update.
    sluggish_share, sluggish_speed
        Share of markets whose price takes in only a part of the news each step.
    slip_share, slip_rate, slip_size, slip_memory
        Share of markets with fat fingers, their chance in one step, how far they
        are off, and what is left of that in the next step.

    """

    ticks: tuple[float, ...]
    mid_share: float
    noise: Range
    updates: Range
    tapered_share: float = 0.5
    noise_memory: Range = Range(1, 4)
    update_response: Spread = Spread(0.3, 1.2)
    inaction_ticks: Range = Range(0.3, 1.5)
    spread_ticks: float = 1.0
    spread_sd: float = 0.7
    fine_spread: Range = Range(1, 1)
    bounce: Spread = Spread(0.15, 0.6)
    flicker_share: float = 0.0
    flicker_rate: Range = Range(0.005, 0.5)
    sluggish_share: float = 0.0
    sluggish_speed: Spread = Spread(0.3, 1.0)
    slip_share: float = 0.0
    slip_rate: Range = Range(2e-4, 0.01)
    slip_size: Spread = Spread(0.03, 0.4)
    slip_memory: Spread = Spread(0.0, 0.7)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of event.

    Attributes
    ----------
    shape : str
        One yes-or-no question, bands that exclude each other, rungs of a ladder
        ("above x") that contain each other, or a series that is no market.
    weight, weight_hourly : float
        How often events are of this kind at five minutes and at one hour.
    closing_share : float
        Share of events that close when the recording ends.
    ended_share, ended_at
        Share of events that close before the recording ends, and at which share
        of it.
    timed_life_share, life_hours
        Share of events that live so many hours, however often prices are looked
        at; a longer life than is recorded is seen from some moment of it on.
    extreme_share : float
        Share of single questions that start near 0 or 1.

    """

    category: str
    question: str
    shape: Shape
    weight: float
    weight_hourly: float
    closing_share: float
    pace: Pace
    venue: Venue
    ended_share: float = 0.0
    ended_at: Range = Range(0.25, 1.0)
    timed_life_share: float = 0.0
    life_hours: Range = Range(1, 200)
    extreme_share: float = 0.1


def numbers_of(profiles: Sequence[Profile], name: str) -> npt.NDArray[np.float64]:
    """Return a constant of each profile: shape (n,), or (n, 2) for a range."""
    return np.array([_attribute(profile, name) for profile in profiles], dtype=float)


def _attribute(profile: Profile, name: str) -> float | Range | Spread:
    for part in (profile.pace, profile.venue, profile):
        if hasattr(part, name):
            found: float | Range | Spread = getattr(part, name)
            return found
    raise AttributeError(name)
