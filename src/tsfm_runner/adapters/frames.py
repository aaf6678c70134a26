"""Data frames of any library in, and bands out as a frame of the same kind."""

from typing import Any, cast

import narwhals as nw
import polars as pl
from narwhals.exceptions import NarwhalsError
from narwhals.typing import IntoDataFrame, IntoDataFrameT

from tsfm_runner.adapters.files.points import (
    MARKET_NAMES,
    PRICE_NAMES,
    TIME_NAMES,
    canonical_points,
)
from tsfm_runner.adapters.files.quotes import QUOTE_NAMES
from tsfm_runner.config import PreparationConfig
from tsfm_runner.errors import UnreadableInputError

_NAMES = frozenset(MARKET_NAMES + TIME_NAMES + PRICE_NAMES + QUOTE_NAMES)


def points_of(frame: IntoDataFrame, config: PreparationConfig) -> pl.DataFrame:
    """Return the points of a pandas, polars or pyarrow frame.

    Columns are market_id or unique_id, ts or ds, price or y, as in files. Raises
    ``UnreadableInputError`` for anything that is no such frame.
    """
    try:
        source = nw.from_native(frame, eager_only=True)
        names = [name for name in source.columns if name in _NAMES]
        columns = {name: pl.Series(_values(source[name])) for name in names}
    except (TypeError, NarwhalsError) as exc:
        kind = type(frame).__name__
        raise UnreadableInputError(
            f"data must be a mapping of arrays or a data frame; of this {kind} "
            f"nothing can be made: {exc}"
        ) from exc
    return canonical_points(pl.LazyFrame(columns), config)


def like(frame: IntoDataFrameT, bands: pl.DataFrame) -> IntoDataFrameT:
    """Return the bands as a frame of the same library."""
    library = nw.from_native(frame, eager_only=True).implementation
    same_kind: nw.DataFrame[IntoDataFrameT] = (
        nw.from_native(cast("IntoDataFrameT", bands), eager_only=True)
        if library.is_polars()
        else nw.from_dict(bands.to_dict(as_series=False), backend=library)
    )
    return same_kind.to_native()


def _values(column: nw.Series[Any]) -> list[Any]:
    """Return the values as plain Python, times as epoch seconds.

    Plain lists, because pandas reaches polars only where pyarrow is installed.
    """
    if isinstance(column.dtype, nw.Date):
        column = column.cast(nw.Datetime("us"))
    if not isinstance(column.dtype, nw.Datetime):
        return column.to_list()
    seconds: nw.Series[Any] = column.dt.timestamp("us") / 1e6
    return seconds.to_list()
