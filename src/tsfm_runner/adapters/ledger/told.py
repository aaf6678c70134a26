"""Read from a ledger the prices that it was told, market by market."""

from pathlib import Path

import polars as pl
import sqlalchemy as sa

from tsfm_runner.adapters.ledger.database import opened_to_read
from tsfm_runner.adapters.ledger.tables import FORECASTS, OUTCOMES
from tsfm_runner.errors import UnreadableInputError

_TIME = pl.Datetime("us", "UTC")
_MICROSECONDS = 1_000_000
_TEXTS = {"market_id": pl.String(), "event_id": pl.String()}


def told_prices(path: Path) -> pl.DataFrame:
    """Return all prices of a ledger in the layout of a recording, one row each.

    The columns are ``market_id, ts, price``, and ``event_id`` and ``closes_at`` as
    the last request for the market told them. The ledger is only read, also while
    the service runs. Raises ``UnreadableInputError`` where there is no ledger, and
    ``CalibrationStateError`` where it cannot be read.
    """
    if not path.is_file():
        raise UnreadableInputError(f"{path}: there is no ledger yet")
    points = sa.select(OUTCOMES.c.market_id, OUTCOMES.c.ts_s, OUTCOMES.c.y)
    # SQLite takes bare columns from the row that has the maximum.
    facts = sa.select(
        FORECASTS.c.market_id,
        FORECASTS.c.event_id,
        FORECASTS.c.closes_at_s,
        sa.func.max(FORECASTS.c.id),
    ).group_by(FORECASTS.c.market_id)
    with opened_to_read(path) as database, database.reading() as connection:
        told = connection.execute(points).all()
        known = connection.execute(facts).all()
    prices = pl.DataFrame(
        told,
        schema={"market_id": pl.String(), "ts_s": pl.Float64(), "price": pl.Float64()},
        orient="row",
    )
    markets = pl.DataFrame(
        [row[:3] for row in known],
        schema=_TEXTS | {"closes_at_s": pl.Float64()},
        orient="row",
    )
    return prices.join(markets, on="market_id", how="left").select(
        "market_id",
        _time("ts_s").alias("ts"),
        "price",
        "event_id",
        _time("closes_at_s").alias("closes_at"),
    )


def _time(column: str) -> pl.Expr:
    return (pl.col(column) * _MICROSECONDS).round().cast(pl.Int64).cast(_TIME)
