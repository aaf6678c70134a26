"""What a study took: time and memory."""

import resource
import time

from tsfm_runner.evaluation.schema import Timing
from tsfm_runner.evaluation.study import Study

_KIB_PER_MIB = 1_024


def timing_of(study: Study, started_s: float, at_work_mb: float) -> Timing:
    """Return what the study took; memory is at most what all processes took at once.

    ``at_work_mb`` is that while there were workers; the tables are made without.
    """
    return {
        "elapsed_s": time.monotonic() - started_s,
        "n_origins": sum(one.is_scored.size for one in study.results),
        "peak_memory_mb": max(at_work_mb, own_peak_mb()),
    }


def own_peak_mb() -> float:
    """Return the most memory that this process has taken so far."""
    return _peak_mb(resource.RUSAGE_SELF)


def workers_peak_mb() -> float:
    """Return the most memory that any worker has taken that has ended."""
    return _peak_mb(resource.RUSAGE_CHILDREN)


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / _KIB_PER_MIB
