"""What scoring a band needs to know of it: one row of numbers for each step."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.domain.task import FloatArray

RowArray = npt.NDArray[np.float32]

_N_TAILS = len(TRACKED_TAILS)
_WIDTHS = (1, 1, 1, N_FEATURES, _N_TAILS, _N_TAILS, 2, 2, 2)
_ENDS = tuple(np.cumsum(_WIDTHS).tolist())
_PARTS = tuple(map(slice, (3, *_ENDS[3:-1]), _ENDS[3:]))
N_COLUMNS = _ENDS[-1]
FIRST_MARGIN: int = _ENDS[3]
"""The column that is NaN in the rows of a band that was not drawn from margins."""


class Rows(NamedTuple):
    """The columns of rows by name; the first axes are those of the rows.

    ``inner`` and ``outer`` are the margins of the tracked tails, in units of the
    scale; ``raw``, ``served`` and ``target`` the two edges of an interval each.
    """

    median: FloatArray
    scale: FloatArray
    base: FloatArray
    features: FloatArray
    inner: FloatArray
    outer: FloatArray
    raw: FloatArray
    served: FloatArray
    target: FloatArray


def pack(rows: Rows) -> RowArray:
    """Return the columns side by side, in single precision."""
    single = [rows.median[..., None], rows.scale[..., None], rows.base[..., None]]
    return np.concatenate((*single, *rows[3:]), axis=-1, dtype=np.float32)


def unpack(packed: RowArray) -> Rows:
    """Return the columns of packed rows; see `pack`."""
    columns = packed.astype(np.float64)
    single = (columns[..., 0], columns[..., 1], columns[..., 2])
    return Rows(*single, *(columns[..., part] for part in _PARTS))
