"""The array types of the core, and runs of equal numbers."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
Float32Array: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


def run_starts(ordered: IntArray) -> IntArray:
    """Return where each run of equal numbers begins.

    Examples
    --------
    >>> run_starts(np.array([3, 3, 5, 9, 9])).tolist()
    [0, 2, 3]

    """
    begins = np.empty(ordered.size, dtype=bool)
    begins[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins.nonzero()[0]
