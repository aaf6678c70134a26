"""Why one market is forecast before another."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarketStanding:
    """What speaks for a market when not all of them can be forecast.

    ``volume`` and ``open_interest`` are in the unit of their source, the same for
    every market; NaN where unknown.
    """

    is_watched: bool = False
    is_alert_candidate: bool = False
    volume: float = math.nan
    open_interest: float = math.nan
