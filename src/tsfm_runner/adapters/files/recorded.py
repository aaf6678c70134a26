"""Open what markets were recorded in: a folder, a table, many tables, or a frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from narwhals.typing import IntoDataFrame

from tsfm_runner.adapters.files.frame_columns import table_of
from tsfm_runner.adapters.files.listing import LISTED_NAMES, Listing, read_listings
from tsfm_runner.adapters.files.market_facts import FACT_NAMES, read_markets
from tsfm_runner.adapters.files.parts import (
    PRICES,
    price_files,
    quiet_panics,
    read_parts,
)
from tsfm_runner.adapters.files.points import (
    MARKET_NAMES,
    POINT_NAMES,
    canonical_points,
    pick_column,
    readable,
)
from tsfm_runner.adapters.files.series import KnownMarket, SkippedMarket
from tsfm_runner.adapters.files.sources import (
    find_table,
    refuse_choice,
    scan_facts,
)
from tsfm_runner.config import PreparationConfig

_FACT_NAMES = (
    *LISTED_NAMES,
    *(name for names in FACT_NAMES.values() for name in names),
)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedTables:
    """The points of a recording, and what is known and listed of each market.

    ``unread`` are tables of prices that are damaged; ``is_listed`` tells whether there
    is a table of markets, so that one without points is missed.
    """

    name: str
    points: pl.DataFrame
    known: dict[str, KnownMarket]
    listings: dict[str, Listing]
    is_listed: bool = False
    unread: tuple[SkippedMarket, ...] = ()


def open_recorded(
    source: Path | IntoDataFrame,
    *,
    where: Sequence[str] = (),
    config: PreparationConfig,
) -> RecordedTables:
    """Read prices, and what is known of their markets, from files or a data frame.

    Beside tables named ``prices`` one named ``markets`` is read; without it, columns of
    it may stand in the rows of prices. Only markets for which all ``where`` columns are
    true are kept. Raises ``UnreadableInputError`` when nothing can be read.
    """
    if not isinstance(source, Path):
        table = table_of(source, {*POINT_NAMES, *_FACT_NAMES, *where})
        points, markets = canonical_points(table, config), _markets_in([table], where)
        return _tables("frame", points, markets, where)
    name = source.resolve().name  # that of a folder called ".", too
    with quiet_panics():
        paths = price_files(source)
        points, unread = read_parts(paths, config)
        listed = _markets_beside(source)
        if listed is not None:
            tables = _tables(name, points, scan_facts(listed), where)
            return replace(tables, is_listed=True, unread=tuple(unread.values()))
        rows = [scan_facts(path) for path in paths if path not in unread]
        tables = _tables(name, points, _markets_in(rows, where), where)
        return replace(tables, unread=tuple(unread.values()))


def _markets_beside(place: Path) -> Path | None:
    if place.is_dir():
        return find_table("markets", place)
    is_prices = place.stem.startswith(PRICES)
    return find_table("markets", place.parent) if is_prices else None


def _markets_in(
    tables: Sequence[pl.LazyFrame], where: Sequence[str]
) -> pl.LazyFrame | None:
    """Return a table of markets made of what stands in the rows of their points.

    Of each column it is the first value of a market that is not missing. None where
    no table has such a column.
    """
    wanted = {*_FACT_NAMES, *where}
    found = []
    with readable("the table"):
        for table in tables:
            schema = table.collect_schema()
            market = pl.col(pick_column(schema, MARKET_NAMES)).cast(pl.String)
            names = [name for name in schema if name in wanted]
            if names:
                found.append(table.select(market.alias("market_id"), *names))
        if not found:
            return None
        rows = pl.concat(found, how="diagonal_relaxed")
        columns = pl.exclude("market_id").drop_nulls().first()
        return rows.group_by("market_id").agg(columns).collect().lazy()


def _tables(
    name: str,
    points: pl.DataFrame,
    markets: pl.LazyFrame | None,
    where: Sequence[str],
) -> RecordedTables:
    if markets is None:
        refuse_choice(where)
        return RecordedTables(name, points, {}, {})
    known, listings = read_markets(markets, where=where), read_listings(markets)
    if where:
        points = points.filter(pl.col("market_id").is_in(list(known)))
    return RecordedTables(name, points, known, listings)
