"""The array types of the core, and runs of equal numbers."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


def run_starts(ordered: IntArray) -> IntArray:
    """Return where each run of equal numbers begins.

    Examples
    --------
    >>> run_starts(np.array([3, 3, 5, 9, 9])).tolist()
    [0, 2, 3]

    """
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return np.concatenate((_FIRST, changes)) if ordered.size else changes


_FIRST = np.zeros(1, dtype=np.int64)
