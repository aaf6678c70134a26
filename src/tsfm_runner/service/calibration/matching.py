"""Which point of a series tells what became of which step of a forecast."""

import numpy as np

from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray

_TOLERANCE_SHARE = 0.1
_LARGEST_TOLERANCE_S = 30.0


def tolerance_s(step_s: float) -> float:
    """Return how much too early or too late a point may be: polls are not exact."""
    return min(_TOLERANCE_SHARE * step_s, _LARGEST_TOLERANCE_S)


def match(targets_s: FloatArray, step_s: FloatArray, times_s: FloatArray) -> IntArray:
    """Return the point that each target time takes its outcome from, or -1.

    It is the last one at or before the target, within one step of it; and there is
    none until a point at or after the target is known, each up to the tolerance.

    Parameters
    ----------
    targets_s, step_s : (n,) array
        Epoch seconds, and the step of the forecast that each belongs to.
    times_s : (m,) array
        Epoch seconds of points, ascending, at least one.

    Examples
    --------
    >>> match(
    ...     np.array([300.0, 600.0, 900.0]),
    ...     np.array([300.0, 300.0, 300.0]),
    ...     np.array([301.0, 580.0]),
    ... ).tolist()
    [0, 1, -1]

    """
    slack = np.minimum(_TOLERANCE_SHARE * step_s, _LARGEST_TOLERANCE_S)
    latest = np.searchsorted(times_s, targets_s + slack, side="right") - 1
    is_due = targets_s - slack <= times_s[-1]
    is_close = times_s[np.maximum(latest, 0)] > targets_s + slack - step_s
    return np.where((latest >= 0) & is_due & is_close, latest, -1)
