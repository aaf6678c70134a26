"""What bands have covered, as gauges of Prometheus: no more than can be read."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tsfm_runner.domain.calibration import CoverageRecord
from tsfm_runner.domain.task import FloatArray

ALL = "all"
_MAX_SEGMENTS = 20
_STEPS = (1, 3, 6, 12)


class CoverageCollector(Collector):
    """Coverage and width of the target interval of served bands, all models pooled.

    Only some steps, all segments together and the largest of them alone are shown;
    `/tsfm/coverage` tells the rest.
    """

    def __init__(self, records: Callable[[], Iterable[CoverageRecord]]) -> None:
        """Read ``records`` whenever the metrics are read."""
        self._records = records

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield coverage and width as they stand now."""
        coverage = GaugeMetricFamily(
            "tsfm_coverage_ratio",
            "Outcomes inside the target interval, with its edges (closed) or without.",
            labels=("segment", "step", "kind"),
        )
        width = GaugeMetricFamily(
            "tsfm_interval_width",
            "Mean width of the target interval, in probability units.",
            labels=("segment", "step"),
        )
        for segment, step, n, closed, inside, widths in self._rows():
            labels = (segment, str(step))
            coverage.add_metric((*labels, "closed"), closed / n)
            coverage.add_metric((*labels, "open"), inside / n)
            width.add_metric(labels, widths / n)
        yield coverage
        yield width

    def _rows(self) -> list[tuple[str, int, float, float, float, float]]:
        sums: dict[tuple[str, int], FloatArray] = defaultdict(lambda: np.zeros(4))
        sizes: dict[str, float] = defaultdict(float)
        for record in self._records():
            if record.is_shadow or record.step not in _STEPS:
                continue
            target, n = record.target, record.n
            numbers = (n, target.n_closed, target.n_open, target.mean_width * n)
            for segment in (ALL, record.segment):
                sums[segment, record.step] += numbers
                sizes[segment] += n
        shown = sorted(sizes, key=sizes.__getitem__, reverse=True)[: _MAX_SEGMENTS + 1]
        return [
            (segment, step, *numbers.tolist())
            for (segment, step), numbers in sorted(sums.items(), key=lambda one: one[0])
            if segment in shown
        ]
