"""Which steps share a sketch: near ones have one each, far ones one for several."""

from functools import lru_cache

import numpy as np

from tsfm_runner.core.arrays import IntArray

# The last step of each cell; a step beyond the last belongs to it too.
_LAST_STEPS = np.array(
    (*range(1, 13), 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 240, 288)
)


def cell_of(steps: IntArray) -> IntArray:
    """Return the cell of each step, counted from 0.

    Steps 1 to 12 have a cell each; beyond, a cell holds steps that are alike to
    about a third of their size.

    Examples
    --------
    >>> cell_of(np.array([1, 12, 13, 16, 17, 288])).tolist()
    [0, 11, 12, 12, 13, 25]

    """
    return np.minimum(np.searchsorted(_LAST_STEPS, steps), _LAST_STEPS.size - 1)


@lru_cache(maxsize=512)
def cells_within(horizon: int) -> IntArray:
    """Return the cells of the steps 1 to ``horizon``; the array cannot be written to.

    Examples
    --------
    >>> cells_within(3).tolist()
    [0, 1, 2]

    """
    cells = cell_of(np.arange(1, horizon + 1))
    cells.flags.writeable = False  # all callers share it
    return cells


def last_step_of(cell: int) -> int:
    """Return the last step of a cell; see `cell_of`.

    Examples
    --------
    >>> last_step_of(0), last_step_of(12)
    (1, 16)

    """
    return int(_LAST_STEPS[cell])
