"""Which markets a cycle forecasts, and how long it may take."""

from typing import Annotated

from pydantic import Field

from tsfm_runner.config.fields import Count, Positive, Section

Weight = Annotated[float, Field(ge=0)]


class CycleConfig(Section):
    """Which markets a cycle forecasts first, and how long it may take.

    By default any market of the watchlist stands before any other, then any alert
    candidate; volume and open interest order the rest.
    """

    top: Count = 200
    """Most markets that one cycle forecasts."""
    watchlist_weight: Weight = 4.0
    """Points of a market that is on the watchlist."""
    alert_candidate_weight: Weight = 2.0
    """Points of a market that is a candidate for an alert."""
    volume_weight: Weight = 1.0
    """Most points that volume can give a market, by its rank among the others."""
    open_interest_weight: Weight = 0.5
    """Most points that open interest can give a market, by its rank."""
    volume_window_hours: Positive = 24.0
    """Volume of the points counts for so long, up to the newest point of all."""
    budget_s: Positive = 60.0
    """Longest that a cycle may take, reading and writing included."""
    max_share_of_interval: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of the time between two cycles, one may take at most this share."""
    reserve_s: Annotated[float, Field(ge=0)] = 0.5
    """Part of the budget that models leave for what comes after them."""
    reserve_ms_per_market: Annotated[float, Field(ge=0)] = 1.0
    """And so much more for each market, so that baselines can answer all of them."""
    fetch_timeout_s: Positive = 10.0
    """Longest that fetching the input from its address may take."""
