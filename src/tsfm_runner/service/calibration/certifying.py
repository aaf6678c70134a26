"""Say of a band how far it can be trusted."""

from tsfm_runner.core.conformal.coverage import coverage_interval
from tsfm_runner.domain.calibration import Certificate
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
        status=stream.status(place, cells),
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
