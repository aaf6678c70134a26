"""What makes a recorded market unusable, in the words of its columns."""

from datetime import UTC, datetime

import numpy as np

from tsfm_runner.adapters.files.refusals import time_text
from tsfm_runner.adapters.files.series import MarketSeries, SkippedMarket
from tsfm_runner.domain.task import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_MARKET_ID_LENGTH,
    FloatArray,
)

_FIRST_S = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()
_END_S = datetime(LAST_YEAR, 12, 31, tzinfo=UTC).timestamp()
_SHOWN_LENGTH = 60
_PERCENT = 100


def fault_of(market: MarketSeries) -> SkippedMarket | None:
    """Return why a market cannot be used and what was found; None where it can."""
    name, times_s, prices = market.market_id, market.times_s, market.prices
    if not 1 <= len(name) <= MAX_MARKET_ID_LENGTH:
        rule = f"market_id: must have 1 to {MAX_MARKET_ID_LENGTH} characters"
        shown = f"{name[:_SHOWN_LENGTH]}..." if name else "(no name)"
        return SkippedMarket(shown, rule, f"{len(name)} characters")
    outside = prices[(prices < 0) | (prices > 1)]
    if outside.size:
        found = f"{outside[0]:g}{_hint(prices)}"
        return SkippedMarket(name, "price: must lie in [0, 1]", found)
    if not _FIRST_S <= times_s[0] <= times_s[-1] < _END_S:
        rule = f"ts: must lie in the years {FIRST_YEAR} to {LAST_YEAR}"
        outer_s = times_s[0] if times_s[0] < _FIRST_S else times_s[-1]
        return SkippedMarket(name, rule, time_text(float(outer_s)))
    twice = times_s[1:][np.diff(times_s) <= 0]
    if twice.size:
        rule = "ts: two points have the same time"
        return SkippedMarket(name, rule, time_text(float(twice[0])))
    return None


def _hint(prices: FloatArray) -> str:
    """Return how to mend prices that look like percent or cents."""
    known = prices[~np.isnan(prices)]
    is_percent = known.min() >= 0 and np.median(known) > 1 and known.max() <= _PERCENT
    return "; divide percent or cents by 100" if is_percent else ""
