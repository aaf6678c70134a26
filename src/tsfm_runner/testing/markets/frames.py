"""Simulated markets as the two tables that recorded markets come in."""

from datetime import timedelta

import numpy as np
import polars as pl

from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.simulation import SimulatedMarkets

SOURCE = "simulated"
LONGEST_CORE_STEP_S = 3_600
LEAST_CORE_POINTS = 30
LEAST_CORE_MOVES = 10

_TIME = pl.Datetime("ms", "UTC")


def to_frames(markets: SimulatedMarkets) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the markets table and the prices table.

    Markets: one row each, with ``split_group`` (the event) as the unit of
    independence, ``start`` and ``end`` (scheduled close), ``tick``, ``cadence``,
    ``core_intraday`` (enough points and movement for headline numbers) and
    ``liquidity_bucket``. Prices: ``market_id, ts`` (UTC, ms) and ``price``,
    sorted; ``bid`` and ``ask`` are null where the venue shows last trades only.
    """
    return _markets_frame(markets), _prices_frame(markets)


def _markets_frame(markets: SimulatedMarkets) -> pl.DataFrame:
    listings = markets.listings
    n_moves = np.count_nonzero(np.diff(markets.prices, axis=1), axis=1)
    is_long = (
        markets.step_s <= LONGEST_CORE_STEP_S
        and len(markets.times) >= LEAST_CORE_POINTS
    )
    columns = {
        "market_id": [listing.market_id for listing in listings],
        "event_id": [listing.event_id for listing in listings],
        "split_group": [listing.event_id for listing in listings],
        "category": [listing.category for listing in listings],
        "question": [listing.question for listing in listings],
        "liquidity_bucket": [listing.liquidity_bucket for listing in listings],
        "tick": [listing.tick_size for listing in listings],
        "end": [listing.closes_at for listing in listings],
        "frac_changes": n_moves / (len(markets.times) - 1),
        "core_intraday": is_long & (n_moves >= LEAST_CORE_MOVES),
    }
    first, last = markets.times[0], markets.times[-1]
    return pl.DataFrame(columns).select(
        pl.col("market_id"),
        pl.lit(SOURCE).alias("source"),
        pl.col("event_id", "split_group", "category", "question"),
        pl.lit(first).cast(_TIME).alias("start"),
        pl.col("end").cast(_TIME),
        pl.lit(first).cast(_TIME).alias("first_ts"),
        pl.lit(last).cast(_TIME).alias("last_ts"),
        pl.lit(len(markets.times)).alias("n_points"),
        pl.lit(float(markets.step_s)).alias("native_cadence_s"),
        pl.lit(cadence_name(markets.step_s)).alias("cadence"),
        pl.col("tick", "frac_changes", "liquidity_bucket", "core_intraday"),
        pl.lit(value=False).alias("selected_on_outcome"),
    )


def _prices_frame(markets: SimulatedMarkets) -> pl.DataFrame:
    n_markets, n_steps = markets.prices.shape
    market_ids = pl.Series([listing.market_id for listing in markets.listings])
    return pl.DataFrame(
        {
            "market_id": market_ids.gather(np.repeat(np.arange(n_markets), n_steps)),
            "ts": pl.Series(markets.times, dtype=_TIME).gather(
                np.tile(np.arange(n_steps), n_markets)
            ),
            "price": markets.prices.ravel(),
            "bid": _optional(markets.bids),
            "ask": _optional(markets.asks),
        }
    )


def _optional(quotes: FloatArray) -> pl.Series:
    return pl.Series(quotes.ravel()).fill_nan(None)


def cadence_name(step_s: int) -> str:
    """Name a step as the recorded markets do: ``1m``, ``5m``, ``1h``."""
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1))):
        count, rest = divmod(step_s, int(length.total_seconds()))
        if count and not rest:
            return f"{count}{unit}"
    minutes, rest = divmod(step_s, 60)
    return f"{step_s}s" if rest else f"{minutes}m"
