"""Kinds of prediction markets and the ranges their constants are drawn from.

Time constants count steps, not minutes: people watch a fast market by the minute
and a slow one by the day, so the paths of both look alike at their own step.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Range: TypeAlias = tuple[float, float]
Shape: TypeAlias = Literal["single", "bands", "ladder"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of event; ranges are drawn log-uniformly unless the name says share.

    Attributes
    ----------
    shape : str
        One yes-or-no question, bands that exclude each other, or rungs of a
        ladder ("above x") that contain each other.
    weight, weight_hourly : float
        How often events are of this kind at five minutes and at one hour.
    volatility : range
        News in one five-minute step outside the final stage, probit units.
    stage_share : range
        Length of the final stage, in which what is left becomes known, as a
        share of the recording.
    clustering : range
        Spread of the logarithm of the pace; more makes calm and stormy times.
    closing_share : float
        Share of events that close when the recording ends.
    ticks : tuple of float
        Price steps of the venue; one is drawn per event.
    mid_share : float
        Share of events whose price is the middle of bid and ask; the price of
        the others is the last trade.
    day_swing : range
        Amplitude of the logarithm of the pace over the day.
    noise : range
        Spread of the error of an even quote, probability units.
    updates : range
        Quote updates in one five-minute step of ordinary activity.

    """

    category: str
    question: str
    shape: Shape
    weight: float
    weight_hourly: float
    volatility: Range
    stage_share: Range
    clustering: Range
    closing_share: float
    ticks: tuple[float, ...]
    mid_share: float
    day_swing: Range
    noise: Range
    updates: Range


PROFILES = (
    Profile(
        category="politics",
        question="Will the measure pass?",
        shape="single",
        weight=0.16,
        weight_hourly=0.15,
        volatility=(0.002, 0.02),
        stage_share=(0.05, 0.5),
        clustering=(0.3, 1.3),
        closing_share=0.15,
        ticks=(0.01, 0.01, 0.01, 0.005, 0.001),
        mid_share=0.5,
        day_swing=(0.05, 0.8),
        noise=(0.001, 0.015),
        updates=(0.02, 0.6),
    ),
    Profile(
        category="sports",
        question="Will the home side win?",
        shape="single",
        weight=0.60,
        weight_hourly=0.10,
        volatility=(0.001, 0.003),
        stage_share=(0.08, 0.2),
        clustering=(0.5, 1.4),
        closing_share=0.9,
        ticks=(0.01,),
        mid_share=0.2,
        day_swing=(0.05, 0.5),
        noise=(0.001, 0.01),
        updates=(0.15, 0.5),
    ),
    Profile(
        category="crypto",
        question="Will the price end in the band?",
        shape="bands",
        weight=0.16,
        weight_hourly=0.10,
        volatility=(0.0005, 0.003),
        stage_share=(0.5, 2.0),
        clustering=(0.2, 0.9),
        closing_share=0.9,
        ticks=(0.001, 0.01),
        mid_share=1.0,
        day_swing=(0.05, 0.6),
        noise=(0.001, 0.01),
        updates=(1.0, 6.0),
    ),
    Profile(
        category="weather",
        question="Will the high fall in the band?",
        shape="bands",
        weight=0.04,
        weight_hourly=0.45,
        volatility=(0.0005, 0.003),
        stage_share=(0.5, 2.0),
        clustering=(0.05, 0.3),
        closing_share=0.9,
        ticks=(0.001, 0.001, 0.01),
        mid_share=1.0,
        day_swing=(0.2, 1.0),
        noise=(0.002, 0.03),
        updates=(2.0, 8.0),
    ),
    Profile(
        category="finance",
        question="Will the index close above the level?",
        shape="ladder",
        weight=0.04,
        weight_hourly=0.20,
        volatility=(0.0005, 0.003),
        stage_share=(0.5, 2.0),
        clustering=(0.1, 0.5),
        closing_share=0.9,
        ticks=(0.001, 0.01),
        mid_share=1.0,
        day_swing=(0.6, 1.4),
        noise=(0.002, 0.03),
        updates=(0.1, 0.8),
    ),
)
