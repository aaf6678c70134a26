"""Bring any table of prices to one shape: market_id, time_s, price, fault."""

import polars as pl

from tsfm_runner.errors import UnreadableInputError

MARKET_NAMES = ("market_id", "unique_id")
TIME_NAMES = ("ts", "ds")
PRICE_NAMES = ("price", "y")

_NULL_WORDS = ("", "na", "n/a", "nan", "null", "none")
_FLOAT32_DECIMALS = 6
_SMALLEST_MS = 1e11  # as seconds, the year 5138; as milliseconds, 1973
_SMALLEST_US = 1e14
_SMALLEST_NS = 1e17


def canonical_points(table: pl.LazyFrame) -> pl.DataFrame:
    """Return one row a point: market_id, time_s, price, fault.

    Columns may be called market_id or unique_id, ts or ds, price or y; others are
    ignored. Times are epoch seconds in UTC; text without an offset is taken as
    UTC, whole numbers as seconds (or milli-, micro-, nanoseconds when too large
    for that). A price that is null stays null. A value that cannot be read makes
    no error here; ``fault`` says so in its row, and only its market is given up.

    Raises ``UnreadableInputError`` when a column is missing or the table is broken.
    """
    try:
        schema = table.collect_schema()
        market = pick_column(schema, MARKET_NAMES)
        time = pick_column(schema, TIME_NAMES)
        price = pick_column(schema, PRICE_NAMES)
        return (
            table.select(
                pl.col(market).cast(pl.String).fill_null("").alias("market_id"),
                epoch_seconds(time, schema[time]).alias("time_s"),
                _price(price, schema[price]).alias("price"),
                _is_unreadable(price, schema[price]).alias("is_unreadable"),
            )
            .with_columns(fault=_fault())
            .drop("is_unreadable")
            .collect()
        )
    except (pl.exceptions.PolarsError, OSError) as exc:
        reason = str(exc).partition("\n")[0]
        raise UnreadableInputError(f"the table cannot be read: {reason}") from exc


def pick_column(schema: pl.Schema, names: tuple[str, ...]) -> str:
    """Return the first of the names that is a column."""
    for name in names:
        if name in schema:
            return name
    found = ", ".join(schema.names()) or "none"
    raise UnreadableInputError(
        f"the table needs a column {' or '.join(names)}; its columns are: {found}"
    )


def epoch_seconds(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column of times as epoch seconds; null where it cannot be read."""
    column = pl.col(name)
    if dtype.is_numeric():
        return _scaled(column.cast(pl.Float64))
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return column.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
    text = column.cast(pl.String).str.strip_chars()
    number = text.cast(pl.Float64, strict=False)
    moment = text.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(_scaled(number), moment.dt.epoch("us") / 1e6)


def _scaled(number: pl.Expr) -> pl.Expr:
    return (
        pl.when(number >= _SMALLEST_NS)
        .then(number / 1e9)
        .when(number >= _SMALLEST_US)
        .then(number / 1e6)
        .when(number >= _SMALLEST_MS)
        .then(number / 1e3)
        .otherwise(number)
    )


def _price(name: str, dtype: pl.DataType) -> pl.Expr:
    number = pl.col(name).cast(pl.Float64, strict=False)
    if dtype == pl.Float32:
        # Prices are decimals; single precision turned 0.1 into 0.10000000149.
        return number.round(_FLOAT32_DECIMALS)
    return number


def _is_unreadable(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.String:
        return pl.lit(False)
    text = pl.col(name)
    is_null = text.is_null() | text.str.strip_chars().str.to_lowercase().is_in(
        _NULL_WORDS
    )
    return ~is_null & text.cast(pl.Float64, strict=False).is_null()


def _fault() -> pl.Expr:
    return (
        pl.when(pl.col("time_s").is_null() | pl.col("time_s").is_nan())
        .then(pl.lit("a point has no time that can be read"))
        .when(pl.col("is_unreadable"))
        .then(pl.lit("a price is not a number"))
        .otherwise(pl.lit(None, pl.String))
    )
