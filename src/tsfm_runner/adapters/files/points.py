"""Bring any table of prices to one shape: market_id, time_s, price, fault."""

import polars as pl

from tsfm_runner.errors import UnreadableInputError

MARKET_NAMES = ("market_id", "unique_id")
TIME_NAMES = ("ts", "ds")
PRICE_NAMES = ("price", "y")

_COLUMNS = (MARKET_NAMES, TIME_NAMES, PRICE_NAMES)
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
        return _canonical(table)
    except (pl.exceptions.PolarsError, OSError) as exc:
        reason = str(exc).partition("\n")[0]
        raise UnreadableInputError(f"the table cannot be read: {reason}") from exc


def _canonical(table: pl.LazyFrame) -> pl.DataFrame:
    schema = table.collect_schema()
    names = [pick_column(schema, either) for either in _COLUMNS]
    market, time, price = table.select(names).collect().get_columns()
    points = pl.DataFrame(
        {
            "market_id": market.cast(pl.String).fill_null(""),
            "time_s": epoch_seconds(time),
            "price": _price(price),
        }
    )
    return points.with_columns(fault=_fault(_is_unreadable(price)))


def pick_column(schema: pl.Schema, names: tuple[str, ...]) -> str:
    """Return the first of the names that is a column."""
    for name in names:
        if name in schema:
            return name
    found = ", ".join(schema.names()) or "none"
    raise UnreadableInputError(
        f"the table needs a column {' or '.join(names)}; its columns are: {found}"
    )


def epoch_seconds(times: pl.Series) -> pl.Series:
    """Return times as epoch seconds; null where one cannot be read."""
    if times.dtype.is_numeric():
        return _scaled(times)
    if times.dtype.is_temporal():
        return times.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
    text = times.cast(pl.String).str.strip_chars()
    seconds = _scaled(text.cast(pl.Float64, strict=False))
    is_text = seconds.is_null() & text.is_not_null()
    if not is_text.any():
        return seconds  # epoch seconds as text; to look for dates there takes long
    moments = text.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    return seconds.zip_with(~is_text, moments.dt.epoch("us") / 1e6)


def _scaled(numbers: pl.Series) -> pl.Series:
    """Bring numbers too large for seconds down from finer units."""
    number = pl.col("number")
    scaled = (
        pl.when(number >= _SMALLEST_NS)
        .then(number / 1e9)
        .when(number >= _SMALLEST_US)
        .then(number / 1e6)
        .when(number >= _SMALLEST_MS)
        .then(number / 1e3)
        .otherwise(number)
    )
    frame = numbers.cast(pl.Float64).alias("number").to_frame()
    return frame.select(scaled.alias("number")).to_series()


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


def _fault(is_unreadable: pl.Series) -> pl.Expr:
    return (
        pl.when(pl.col("time_s").is_null() | pl.col("time_s").is_nan())
        .then(pl.lit("a point has no time that can be read"))
        .when(is_unreadable)
        .then(pl.lit("a price is not a number"))
        .otherwise(pl.lit(None, pl.String))
    )
