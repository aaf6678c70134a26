"""Say of a band how far it can be trusted."""

from tsfm_runner.core.conformal.coverage import coverage_interval
from tsfm_runner.domain.calibration import Certificate, ConformalStatus
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.calibration.scoring import Learned

_Z_95 = 1.959963984540054


def certify(
    learned: Learned, place: int, cells: IntArray, target: FloatArray, version: int
) -> Certificate:
    """Return the certificate of a band; ``target`` has shape (horizon, 2)."""
    stream = learned.stream
    sums = learned.tallies.of_segment(place)
    return Certificate(
        status=_status(learned, place, cells),
        segment=stream.names[place],
        n=int(sums.n),
        empirical_coverage=sums.hits / sums.n if sums.n else None,
        coverage_interval=coverage_interval(sums, z=_Z_95),
        target_coverage=stream.config.target_coverage,
        lower=target[:, 0],
        upper=target[:, 1],
        state_version=version,
        updated_at_s=stream.updated_at_s,
    )


def _status(learned: Learned, place: int, cells: IntArray) -> ConformalStatus:
    stream = learned.stream
    if not stream.has_scores(cells):
        return "uncalibrated"
    if stream.is_drifting(place, cells):
        return "drifting"
    scored = stream.segment.n_scored
    is_known = scored[place, cells].min() >= stream.config.min_segment_scores
    is_warm = scored[:, cells].sum(axis=0).min() >= stream.config.min_scores
    return "calibrated" if is_known and is_warm else "warming_up"
