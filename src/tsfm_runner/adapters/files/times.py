"""Read times: ISO 8601 text, epoch seconds, or what a table holds as times."""

from datetime import UTC, datetime

import polars as pl

_SMALLEST_MS = 1e11  # as seconds, the year 5138; as milliseconds, 1973
_SMALLEST_US = 1e14
_SMALLEST_NS = 1e17
# The order of day and month is never guessed: 03/04/2026 is no time.
_ISO_8601 = (
    r"^\d{4}-\d\d-\d\d"
    r"([Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?)?$"
)


def epoch_seconds(times: pl.Series) -> pl.Series:
    """Return times as epoch seconds; null where one cannot be read.

    Text is ISO 8601, without an offset in UTC, or a number. Numbers are seconds,
    or milli-, micro- or nanoseconds where they are too large for that.
    """
    if times.dtype.is_numeric():
        return _scaled(times)
    if times.dtype.is_temporal():
        return times.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
    text = times.cast(pl.String).str.strip_chars()
    seconds = _scaled(text.cast(pl.Float64, strict=False))
    is_text = seconds.is_null() & text.is_not_null()
    if not is_text.any():
        return seconds  # epoch seconds as text; to look for dates there takes long
    return seconds.zip_with(~is_text, _iso_seconds(text))


def _iso_seconds(text: pl.Series) -> pl.Series:
    """Read ISO 8601 only; polars alone would read 03/04/2026 as one of two days."""
    is_iso = text.str.contains(_ISO_8601).fill_null(value=False)
    iso = text.set(~is_iso, None)
    moments = iso.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    seconds = moments.dt.epoch("us") / 1e6
    # polars takes the form of the first time for that of all.
    missed = seconds.is_null() & is_iso
    if not missed.any():
        return seconds
    return seconds.scatter(
        missed.arg_true(), [_seconds(moment) for moment in iso.filter(missed)]
    )


def _seconds(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:  # well written, but no such day or hour
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


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
