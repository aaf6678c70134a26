"""Say why a market of a file or frame was refused, in the words of its columns."""

from datetime import UTC, datetime

import numpy as np

from tsfm_runner.adapters.files.series import MarketSeries, SkippedMarket
from tsfm_runner.errors import InvalidTaskError

_COLUMNS = {"context": "price", "times_s": "ts", "cutoff": "ts"}
_PERCENT = 100


def refused(market: MarketSeries, error: InvalidTaskError) -> SkippedMarket:
    """Return the market as skipped, with what was found and how to mend it."""
    twice = market.times_s[1:][np.diff(market.times_s) <= 0]
    if error.field == "times_s" and twice.size:
        rule = "ts: two points have the same time"
        return SkippedMarket(market.market_id, rule, time_text(float(twice[0])))
    rule = f"{_COLUMNS.get(error.field, error.field)}: {error.message}"
    outside = market.prices[(market.prices < 0) | (market.prices > 1)]
    if error.field == "context" and outside.size:
        found = f"found {outside[0]:g}"
        return SkippedMarket(market.market_id, f"{rule}{_hint(market)}", found)
    return SkippedMarket(market.market_id, rule)


def moment_text(moment: datetime) -> str:
    """Return the time in UTC as ISO 8601, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time_text(time_s: float) -> str:
    """Return epoch seconds as ISO 8601, or as they are where no calendar has them."""
    try:
        return moment_text(datetime.fromtimestamp(time_s, UTC))
    except (OverflowError, OSError, ValueError):
        return f"{time_s:g} epoch seconds"


def _hint(market: MarketSeries) -> str:
    known = market.prices[~np.isnan(market.prices)]
    is_percent = known.min() >= 0 and known.max() <= _PERCENT
    return "; divide percent or cents by 100" if is_percent else ""
