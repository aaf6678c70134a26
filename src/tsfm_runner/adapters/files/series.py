"""Split one long table of points into the series of its markets, in one pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

from tsfm_runner.domain.task import FloatArray, MarketFacts

_NO_FACTS: Mapping[str, "KnownMarket"] = {}
_COLUMNS = ("market_id", "time_s", "price", "y_definition", "fault", "found")


@dataclass(frozen=True, slots=True)
class KnownMarket:
    """What a file says of a market besides its prices.

    ``end_s`` is the scheduled end, in epoch seconds; ``cadence_s`` the usual time
    between points, in seconds.
    """

    facts: MarketFacts = field(default_factory=MarketFacts)
    cadence_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MarketSeries:
    """One market as it was recorded: times strictly as found, prices NaN where null.

    ``times_s`` and ``prices`` have shape ``(n_points,)``, oldest first;
    ``y_definition`` is the rule that made the last price.
    """

    market_id: str
    times_s: FloatArray
    prices: FloatArray
    known: KnownMarket = field(default_factory=KnownMarket)
    y_definition: Literal["price", "mid", "last"] | None = None


@dataclass(frozen=True, slots=True)
class SkippedMarket:
    """A market that nothing is answered for, and why.

    ``reason`` reads the same for every market with this fault; ``found`` is what
    stood in this one.
    """

    market_id: str
    reason: str
    found: str = ""

    @property
    def told(self) -> str:
        """The reason, with what was found."""
        return f"{self.reason} ({self.found})" if self.found else self.reason


def split_markets(
    points: pl.DataFrame, known: Mapping[str, KnownMarket] = _NO_FACTS
) -> Iterator[MarketSeries | SkippedMarket]:
    """Yield every market of a table of points, in order of its name.

    ``points`` has the columns of ``points.canonical_points``: market_id, time_s,
    price, y_definition, fault and found. One sort brings each market's rows
    together; each series is then a slice, so that the cost does not grow with the
    number of markets.
    """
    ordered = points.select(_COLUMNS).sort("market_id", "time_s", maintain_order=True)
    groups = ordered.group_by("market_id", maintain_order=True).agg(
        pl.len(),
        pl.col("fault", "found").filter(pl.col("fault").is_not_null()).first(),
        pl.col("y_definition").drop_nulls().last(),
    )
    times_s = ordered["time_s"].fill_null(np.nan).to_numpy()
    prices = ordered["price"].fill_null(np.nan).to_numpy()
    start = 0
    for market_id, length, fault, found, definition in groups.iter_rows():
        stop = start + length
        if fault is not None:
            yield SkippedMarket(market_id, fault, found)
        else:
            yield MarketSeries(
                market_id,
                times_s=times_s[start:stop],
                prices=prices[start:stop],
                known=known.get(market_id, KnownMarket()),
                y_definition=definition,
            )
        start = stop
