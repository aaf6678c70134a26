"""Bring any table of prices or quotes to one shape: a row a point."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import reduce
from operator import or_

import polars as pl

from tsfm_runner.adapters.files.quotes import QUOTE_NAMES, has_quotes, price_quotes
from tsfm_runner.adapters.files.times import epoch_seconds
from tsfm_runner.config import PreparationConfig
from tsfm_runner.errors import UnreadableInputError

MARKET_NAMES = ("market_id", "unique_id")
TIME_NAMES = ("ts", "ds")
PRICE_NAMES = ("price", "y")
ACTIVITY_NAMES = ("volume", "open_interest")
POINT_NAMES = (*MARKET_NAMES, *TIME_NAMES, *PRICE_NAMES, *QUOTE_NAMES)

_DEFAULTS = PreparationConfig()
_NULL_WORDS = ("", "na", "n/a", "nan", "null", "none")
_FLOAT32_DECIMALS = 6
_MAX_FOUND = 40
_OTHER_SEPARATORS = (";", "\t", "|")


def canonical_points(
    table: pl.LazyFrame, config: PreparationConfig = _DEFAULTS
) -> pl.DataFrame:
    """Return one row a point: market_id, time_s, price, y_definition, fault, found.

    Columns may be called market_id or unique_id, ts or ds, price or y; others are
    ignored, except that volume and open_interest come last where the table has
    them. Without a price, bid and ask or last make one, and ``y_definition``
    tells which (see ``quotes.price_quotes``). Times become epoch seconds in UTC
    (see ``times.epoch_seconds``). A price that is null stays null. A value that
    cannot be read makes no error here; ``fault`` says so in its row, ``found`` what
    stood there, and only its market is given up.

    Raises ``UnreadableInputError`` when a column is missing or the table is broken.
    """
    with readable("the table"):
        return _canonical(table, config)


@contextmanager
def readable(what: str) -> Generator[None]:
    """Raise ``UnreadableInputError`` for what polars raises on a broken table.

    What it did not expect at all is a panic, which is no ``Exception``.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as exc:
        reason = str(exc).partition("\n")[0]
        raise UnreadableInputError(f"{what} cannot be read: {reason}") from exc
    except pl.exceptions.PanicException as exc:
        raise UnreadableInputError(f"{what} cannot be read: it is damaged") from exc


def _canonical(table: pl.LazyFrame, config: PreparationConfig) -> pl.DataFrame:
    schema = table.collect_schema()
    is_quoted = not set(PRICE_NAMES) & set(schema) and has_quotes(schema)
    keys = [pick_column(schema, names) for names in (MARKET_NAMES, TIME_NAMES)]
    names = [name for name in QUOTE_NAMES if name in schema]
    if not is_quoted:
        names = [pick_column(schema, PRICE_NAMES)]
    amounts = [name for name in ACTIVITY_NAMES if name in schema]
    rows = table.select(*keys, *names, *amounts).collect()
    market, time, *values = rows.drop(amounts).get_columns()
    points = pl.DataFrame(
        {
            "market_id": market.cast(pl.String).fill_null(""),
            "time_s": epoch_seconds(time),
            **{column.name: _price(column) for column in values},
            **{name: rows[name].cast(pl.Float64, strict=False) for name in amounts},
        }
    )
    if is_quoted:
        absent = [name for name in QUOTE_NAMES if name not in names]
        nothing = [pl.lit(None, pl.Float64).alias(name) for name in absent]
        points = price_quotes(points.with_columns(nothing), config)
    else:
        points = points.rename({names[0]: "price"})
        points = points.with_columns(y_definition=pl.lit("price"))
    is_timeless = points["time_s"].is_null() | points["time_s"].is_nan()
    unreadable = [_is_unreadable(column) & ~is_timeless for column in values]
    is_unreadable = reduce(or_, unreadable)
    found = [_found(time, is_timeless), *map(_found, values, unreadable)]
    return points.select(
        *("market_id", "time_s", "price", "y_definition"),
        _fault(is_timeless, is_unreadable).alias("fault"),
        pl.coalesce(*found).alias("found"),
        *amounts,
    )


def pick_column(schema: pl.Schema, names: tuple[str, ...]) -> str:
    """Return the first of the names that is a column."""
    for name in names:
        if name in schema:
            return name
    found = ", ".join(schema.names()) or "none"
    hint = (
        "; the separator of a CSV file must be a comma"
        if len(schema) == 1 and any(mark in found for mark in _OTHER_SEPARATORS)
        else ""
    )
    raise UnreadableInputError(
        f"the table needs a column {' or '.join(names)}; its columns are: {found}{hint}"
    )


def text_column(schema: pl.Schema, name: str) -> pl.Expr:
    """Return a column as text; NaN, which some libraries write for nothing, is null."""
    column = pl.col(name)
    return (column.fill_nan(None) if schema[name].is_float() else column).cast(
        pl.String
    )


def _price(prices: pl.Series) -> pl.Series:
    numbers = prices.cast(pl.Float64, strict=False)
    if prices.dtype == pl.Float32:
        # Prices are decimals; single precision turned 0.1 into 0.10000000149.
        return numbers.round(_FLOAT32_DECIMALS)
    return numbers


def _is_unreadable(prices: pl.Series) -> pl.Series:
    """Return which prices are neither a number nor a word for nothing."""
    numbers = prices.cast(pl.Float64, strict=False)
    is_unread = numbers.is_null() & prices.is_not_null()
    if not is_unread.any():
        return is_unread
    words = prices.cast(pl.String).str.strip_chars().str.to_lowercase()
    return is_unread & ~words.is_in(_NULL_WORDS)


def _fault(is_timeless: pl.Series, is_unreadable: pl.Series) -> pl.Expr:
    return (
        pl.when(is_timeless)
        .then(pl.lit("ts: must be an ISO 8601 time, as 2026-02-20T12:00Z"))
        .when(is_unreadable)
        .then(pl.lit("price: must be a number"))
        .otherwise(pl.lit(None, pl.String))
    )


def _found(values: pl.Series, is_bad: pl.Series) -> pl.Series:
    """Say what stands where a value is bad; null elsewhere.

    Rows are counted from 1, without the header.
    """
    if not is_bad.any():
        return pl.repeat(None, values.len(), dtype=pl.String, eager=True)
    text = values.cast(pl.String).fill_null("nothing").str.head(_MAX_FOUND)
    row = pl.int_range(1, pl.len() + 1)
    told = pl.when(is_bad).then(pl.format("row {}: {}", row, text))
    return pl.DataFrame({"text": text}).select(told.alias("found")).to_series()
