"""The prior ``broad``: anything that a prediction market might do.

Ranges are far wider than any one venue; a model that has seen them all expects
little. The kinds differ in how information arrives, not in what is asked.
"""

from dataclasses import replace

from tsfm_runner.testing.markets.profiles import Pace, Profile, Range, Spread, Venue

_TICKS = (0.01,) * 7 + (0.001,) * 5 + (0.0005,) * 2 + (0.0001,)
_VENUE = Venue(
    ticks=_TICKS,
    mid_share=0.6,
    tapered_share=0.4,
    noise=Range(0.0003, 0.02),
    noise_memory=Range(1, 40),
    updates=Range(0.02, 8.0),
    update_response=Spread(0.2, 1.3),
    inaction_ticks=Range(0.3, 3.0),
    spread_ticks=1.8,
    spread_sd=0.9,
    fine_spread=Range(1, 10),
    flicker_share=0.5,
    sluggish_share=0.15,
    slip_share=0.12,
)
_PACE = Pace(
    volatility=Range(0.002, 0.08),
    stage_share=Range(0.1, 4.0),
    stage_chance=0.35,
    clustering=Range(0.3, 2.0),
    cluster_memory=Range(6, 300),
    day_swing=Range(0.05, 1.2),
    gust=Spread(0.0, 0.8),
    active_share=0.75,
    active_factor=Range(2, 30),
    rest_steps=Range(8, 200),
    news_rate=Range(1e-4, 0.01),
    news_size=Range(3, 40),
    news_memory=Range(1.5, 60),
    jump_share=0.35,
    jump_rate=Range(1e-5, 0.02),
    jump_size=Range(2, 30),
)

_STAGED = replace(
    _PACE,
    volatility=Range(2e-4, 0.03),
    stage_chance=1.0,
    stage_share=Range(0.03, 1.0),
)

BROAD = (
    Profile(
        category="opinion",
        question="Will it come to pass?",
        shape="single",
        weight=0.34,
        weight_hourly=0.28,
        closing_share=0.1,
        ended_share=0.1,
        extreme_share=0.4,
        pace=_PACE,
        venue=_VENUE,
    ),
    Profile(
        category="contest",
        question="Who will win the match?",
        shape="single",
        weight=0.2,
        weight_hourly=0.06,
        closing_share=0.2,
        ended_share=0.7,
        pace=replace(_STAGED, timed_share=0.75, clustering=Range(0.2, 1.4)),
        venue=replace(_VENUE, mid_share=0.4),
    ),
    Profile(
        category="sprint",
        question="Will it be up in a while?",
        shape="single",
        weight=0.22,
        weight_hourly=0.08,
        closing_share=0.0,
        ended_share=1.0,
        ended_at=Spread(0.03, 0.5),
        extreme_share=0.0,
        pace=replace(_STAGED, stage_share=Range(0.5, 2.0), clustering=Range(0.1, 1.0)),
        venue=_VENUE,
    ),
    Profile(
        category="measure",
        question="In which band will it end?",
        shape="bands",
        weight=0.12,
        weight_hourly=0.22,
        closing_share=0.3,
        ended_share=0.5,
        pace=replace(_STAGED, session_share=0.3, clustering=Range(0.1, 1.2)),
        venue=_VENUE,
    ),
    Profile(
        category="threshold",
        question="Will it end above the level?",
        shape="ladder",
        weight=0.06,
        weight_hourly=0.2,
        closing_share=0.3,
        ended_share=0.5,
        pace=replace(_STAGED, session_share=0.7, clustering=Range(0.1, 1.2)),
        venue=_VENUE,
    ),
    Profile(
        category="office",
        question="Will it be decided?",
        shape="single",
        weight=0.04,
        weight_hourly=0.1,
        closing_share=0.1,
        ended_share=0.1,
        extreme_share=0.4,
        pace=replace(_PACE, session_share=1.0),
        venue=_VENUE,
    ),
    Profile(
        category="hazard",
        question="Will it happen before the deadline?",
        shape="single",
        weight=0.08,
        weight_hourly=0.06,
        closing_share=0.1,
        extreme_share=0.4,
        pace=replace(_PACE, hazard_share=1.0),
        venue=_VENUE,
    ),
    Profile(
        category="generic",
        question="No market: waves, trends and noise.",
        shape="generic",
        weight=0.04,
        weight_hourly=0.04,
        closing_share=0.0,
        pace=_PACE,
        venue=_VENUE,
    ),
)
