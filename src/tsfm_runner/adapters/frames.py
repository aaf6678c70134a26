"""Data frames of any library in, and bands out as a frame of the same kind."""

from typing import cast

import narwhals as nw
import polars as pl
from narwhals.typing import IntoDataFrame, IntoDataFrameT

from tsfm_runner.adapters.files.frame_columns import table_of
from tsfm_runner.adapters.files.points import POINT_NAMES, canonical_points
from tsfm_runner.config import PreparationConfig


def points_of(frame: IntoDataFrame, config: PreparationConfig) -> pl.DataFrame:
    """Return the points of a pandas, polars or pyarrow frame.

    Columns are market_id or unique_id, ts or ds, price or y, as in files. Raises
    ``UnreadableInputError`` for anything that is no such frame.
    """
    return canonical_points(table_of(frame, POINT_NAMES), config)


def like(frame: IntoDataFrameT, bands: pl.DataFrame) -> IntoDataFrameT:
    """Return the bands as a frame of the same library."""
    library = nw.from_native(frame, eager_only=True).implementation
    same_kind: nw.DataFrame[IntoDataFrameT] = (
        nw.from_native(cast("IntoDataFrameT", bands), eager_only=True)
        if library.is_polars()
        else nw.from_dict(bands.to_dict(as_series=False), backend=library)
    )
    return same_kind.to_native()
