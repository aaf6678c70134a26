"""The prior ``venues``: five kinds of events as recorded venues show them.

Its moments were matched by hand to those of recorded markets; see
``training/compare_moments.py``.
"""

from tsfm_runner.testing.markets.profiles import Pace, Profile, Range, Venue

VENUES = (
    Profile(
        category="politics",
        question="Will the measure pass?",
        shape="single",
        weight=0.16,
        weight_hourly=0.15,
        closing_share=0.15,
        pace=Pace(
            volatility=Range(0.002, 0.02),
            stage_share=Range(0.05, 0.5),
            clustering=Range(0.3, 1.3),
            day_swing=Range(0.05, 0.8),
        ),
        venue=Venue(
            ticks=(0.01, 0.01, 0.01, 0.005, 0.001),
            mid_share=0.5,
            noise=Range(0.001, 0.015),
            updates=Range(0.02, 0.6),
        ),
    ),
    Profile(
        category="sports",
        question="Will the home side win?",
        shape="single",
        weight=0.60,
        weight_hourly=0.10,
        closing_share=0.9,
        pace=Pace(
            volatility=Range(0.001, 0.003),
            stage_share=Range(0.08, 0.2),
            clustering=Range(0.5, 1.4),
            day_swing=Range(0.05, 0.5),
        ),
        venue=Venue(
            ticks=(0.01,),
            mid_share=0.2,
            noise=Range(0.001, 0.01),
            updates=Range(0.15, 0.5),
        ),
    ),
    Profile(
        category="crypto",
        question="Will the price end in the band?",
        shape="bands",
        weight=0.16,
        weight_hourly=0.10,
        closing_share=0.9,
        pace=Pace(
            volatility=Range(0.0005, 0.003),
            stage_share=Range(0.5, 2.0),
            clustering=Range(0.2, 0.9),
            day_swing=Range(0.05, 0.6),
        ),
        venue=Venue(
            ticks=(0.001, 0.01),
            mid_share=1.0,
            noise=Range(0.001, 0.01),
            updates=Range(1.0, 6.0),
        ),
    ),
    Profile(
        category="weather",
        question="Will the high fall in the band?",
        shape="bands",
        weight=0.04,
        weight_hourly=0.45,
        closing_share=0.9,
        pace=Pace(
            volatility=Range(0.0005, 0.003),
            stage_share=Range(0.5, 2.0),
            clustering=Range(0.05, 0.3),
            day_swing=Range(0.2, 1.0),
        ),
        venue=Venue(
            ticks=(0.001, 0.001, 0.01),
            mid_share=1.0,
            noise=Range(0.002, 0.03),
            updates=Range(2.0, 8.0),
        ),
    ),
    Profile(
        category="finance",
        question="Will the index close above the level?",
        shape="ladder",
        weight=0.04,
        weight_hourly=0.20,
        closing_share=0.9,
        pace=Pace(
            volatility=Range(0.0005, 0.003),
            stage_share=Range(0.5, 2.0),
            clustering=Range(0.1, 0.5),
            day_swing=Range(0.6, 1.4),
        ),
        venue=Venue(
            ticks=(0.001, 0.01),
            mid_share=1.0,
            noise=Range(0.002, 0.03),
            updates=Range(0.1, 0.8),
        ),
    ),
)
