"""Columns of a data frame of any library, as a table like those of files."""

from collections.abc import Collection
from typing import Any, cast

import narwhals as nw
import polars as pl
from narwhals.exceptions import NarwhalsError
from narwhals.typing import IntoDataFrame

from tsfm_runner.errors import UnreadableInputError


def table_of(frame: IntoDataFrame, names: Collection[str]) -> pl.LazyFrame:
    """Return the columns of these names, as far as a frame has them.

    The frame is one of pandas, polars or pyarrow. Raises ``UnreadableInputError`` for
    anything that is no such frame.
    """
    try:
        source = nw.from_native(frame, eager_only=True)
        present = [name for name in source.columns if name in names]
        if source.implementation.is_polars():
            return cast("pl.DataFrame", source.select(present).to_native()).lazy()
        columns = {name: _values(source[name]) for name in present}
    except (TypeError, NarwhalsError) as exc:
        kind = type(frame).__name__
        raise UnreadableInputError(
            f"data must be a mapping of arrays or a data frame; of this {kind} "
            f"nothing can be made: {exc}"
        ) from exc
    return pl.LazyFrame(columns)


def _values(column: nw.Series[Any]) -> pl.Series:
    """Return the values of a column, times as epoch seconds.

    They go through plain Python, because pandas reaches polars only where pyarrow is
    installed.
    """
    if isinstance(column.dtype, nw.Date):
        column = column.cast(nw.Datetime("us"))
    if not isinstance(column.dtype, nw.Datetime):
        pairs = zip(column.to_list(), column.is_null().to_list(), strict=True)
        values = [None if is_missing else value for value, is_missing in pairs]
        # Single precision is rounded later; without a type, text among numbers is text.
        dtype = pl.Float32() if isinstance(column.dtype, nw.Float32) else None
        return pl.Series(values, dtype=dtype, strict=False)
    seconds: nw.Series[Any] = column.dt.timestamp("us") / 1e6
    return pl.Series(seconds.to_list())
