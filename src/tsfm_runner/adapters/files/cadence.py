"""How often a recording has points, and whether it keeps to that."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tsfm_runner.domain.frequency import MIN_STEP_S
from tsfm_runner.domain.task import FloatArray

STEPS_S = (
    *(60, 300, 600, 900, 1_800),
    *(3_600, 7_200, 14_400, 21_600, 43_200, 86_400),
)

COARSE = "points more than two steps apart"

_COARSE_STEPS = 2
_STRETCH = 12  # gaps that are looked at together
_LEAST_ALIKE = 9  # of them
_ALIKE = 0.2  # of their median
_TIMES_COARSER = 4
_LEAST_STRETCHES = 6
_LEAST_SHARE = 0.02  # of all even stretches


def native_step(times_s: FloatArray, cadence_s: float | None = None) -> int:
    """Return the step that is nearest to a cadence, in ratio; else to the usual gap.

    >>> native_step(np.array([0.0, 290.0, 610.0]))
    300
    """
    if cadence_s is None or not 0 < cadence_s < np.inf:
        cadence_s = float(np.median(np.diff(times_s))) if times_s.size > 1 else 0.0
    ratios = np.log(np.array(STEPS_S) / max(cadence_s, 1))
    return STEPS_S[int(np.abs(ratios).argmin())]


def is_coarse(times_s: FloatArray, *, step_s: int) -> bool:
    """Return whether points usually lie more than two steps apart."""
    gaps_s = np.diff(times_s)
    return bool(gaps_s.size and np.median(gaps_s) > _COARSE_STEPS * step_s)


def mixed_cadences(
    times_s: FloatArray, *, step_s: int = MIN_STEP_S
) -> tuple[float, float] | None:
    """Return the finest and the coarsest cadence of a market that has several.

    A stretch of twelve gaps is even where nine are within a fifth of their median; a
    market has several cadences where some even stretches are four times coarser than
    others, and there are enough of both. So neither holes nor trades that come when
    they come make a cadence. Gaps below a step count as one: a grid of that step does
    not show them.
    """
    gaps_s = np.maximum(np.diff(times_s), step_s)
    if gaps_s.size < _STRETCH + _LEAST_STRETCHES or not _may_be_mixed(gaps_s):
        return None
    stretches = sliding_window_view(gaps_s, _STRETCH)
    usual_s = np.median(stretches, axis=1)
    is_alike = np.abs(stretches - usual_s[:, None]) <= _ALIKE * usual_s[:, None]
    even_s = usual_s[is_alike.sum(axis=1) >= _LEAST_ALIKE]
    if not even_s.size:
        return None
    finest_s, coarsest_s = float(even_s.min()), float(even_s.max())
    middle_s = np.sqrt(finest_s * coarsest_s)
    n_fine = int((even_s < middle_s).sum())
    fewest = max(_LEAST_STRETCHES, _LEAST_SHARE * even_s.size)
    is_mixed = coarsest_s >= _TIMES_COARSER * finest_s
    if is_mixed and min(n_fine, even_s.size - n_fine) >= fewest:
        return finest_s, coarsest_s
    return None


def _may_be_mixed(gaps_s: FloatArray) -> bool:
    """Return whether gaps differ enough at all; most markets are done with here."""
    fine_s, coarse_s = np.quantile(gaps_s, (_LEAST_SHARE, 1 - _LEAST_SHARE))
    return bool(coarse_s >= _TIMES_COARSER * fine_s)
