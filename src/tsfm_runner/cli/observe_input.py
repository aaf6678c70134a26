"""What ``observe`` tells: prices of markets from a table, documents or a pipe."""

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from tsfm_runner.adapters.files.documents import split_requests
from tsfm_runner.adapters.files.points import (
    MARKET_NAMES,
    PRICE_NAMES,
    TIME_NAMES,
    canonical_points,
)
from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.adapters.files.sources import MarketTable
from tsfm_runner.cli.forecast_input import PIPE, open_place
from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.task import MAX_MARKET_ID_LENGTH
from tsfm_runner.errors import UnreadableInputError

_NAMES = {"market_id": MARKET_NAMES, "ts": TIME_NAMES, "price": PRICE_NAMES}


class Observed(NamedTuple):
    """Points in order of time, and the markets that are left out.

    ``points`` has the columns market_id, time_s and price, each row once.
    """

    points: pl.DataFrame
    skipped: tuple[SkippedMarket, ...]


def read_observed(
    place: str, pipe: BinaryIO, *, config: PreparationConfig, latest_s: float
) -> Observed:
    """Read the points of every market of a table, or of documents.

    A market with a point that cannot be is left out, with the reason. A point
    without a price tells nothing.

    Raises ``UnreadableInputError`` when there is nothing to tell.
    """
    content = pipe.read() if place == PIPE else None
    source = open_place(place, content, where=(), config=config)
    broken: list[SkippedMarket] = []
    points = (
        source.points
        if isinstance(source, MarketTable)
        else _points_of(source.content, broken)
    )
    told = points.select(
        "market_id", "time_s", "price", _fault(latest_s).alias("fault"), "found"
    )
    faulty = told.filter(pl.col("fault").is_not_null()).unique(
        "market_id", keep="first", maintain_order=True
    )
    kept = (
        told.filter(~pl.col("market_id").is_in(faulty["market_id"].to_list()))
        .drop_nulls("price")
        .select("market_id", "time_s", "price")
        .unique(maintain_order=True)
        .sort("time_s", maintain_order=True)
    )
    skipped = [
        SkippedMarket(market_id, fault, found or "")
        for market_id, _, _, fault, found in faulty.iter_rows()
    ]
    if kept.is_empty():
        why = f": {(*broken, *skipped)[0].told}" if broken or skipped else ""
        raise UnreadableInputError(f"{place} holds no price to tell{why}")
    return Observed(kept, (*broken, *skipped))


def _fault(latest_s: float) -> pl.Expr:
    time_s, price = pl.col("time_s"), pl.col("price")
    n_prices = price.drop_nulls().n_unique().over("market_id", "time_s")
    length = pl.col("market_id").str.len_chars()
    return (
        pl.when(pl.col("fault").is_not_null())
        .then(pl.col("fault"))
        .when(~length.is_between(1, MAX_MARKET_ID_LENGTH))
        .then(pl.lit(f"market_id: must have 1 to {MAX_MARKET_ID_LENGTH} characters"))
        .when(~time_s.is_between(0, latest_s))
        .then(pl.lit("ts: must lie between 1970 and a day ahead"))
        .when(price.is_not_null() & ~price.is_between(0, 1))
        .then(pl.lit("price: must lie in [0, 1]"))
        .when(n_prices > 1)
        .then(pl.lit("ts: two prices at the same time"))
    )


def _points_of(content: bytes, broken: list[SkippedMarket]) -> pl.DataFrame:
    """Return the points of documents; note those that are none."""
    rows = list(_rows(content, broken))
    if not rows:
        return pl.DataFrame(schema=_EMPTY)
    table = pl.DataFrame(rows, schema=dict.fromkeys(_NAMES, pl.String))
    return canonical_points(table.lazy())


_EMPTY = {
    "market_id": pl.String,
    "time_s": pl.Float64,
    "price": pl.Float64,
    "fault": pl.String,
    "found": pl.String,
}


def _rows(content: bytes, broken: list[SkippedMarket]) -> Iterator[dict[str, Any]]:
    for document in split_requests(content):
        if isinstance(document, SkippedMarket):
            broken.append(document)
            continue
        row = {name: _value(document.body, names) for name, names in _NAMES.items()}
        missing = [name for name, value in row.items() if value is None]
        if missing:
            reason = f"an observation needs {', '.join(_NAMES)}"
            broken.append(SkippedMarket(document.place, reason))
        else:
            yield row


def _value(body: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the first of the members as text, as a table of text would hold it."""
    value = next((body[name] for name in names if name in body), None)
    return None if value is None else str(value)
