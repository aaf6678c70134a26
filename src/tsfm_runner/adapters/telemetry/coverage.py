"""What bands have covered, as gauges of Prometheus: no more than can be read."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import add
from typing import TypeAlias

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tsfm_runner.domain.calibration import TargetRecord

ALL = "all"
_MAX_SEGMENTS = 20
_STEPS = (1, 3, 6, 12)

Targets: TypeAlias = Callable[[Sequence[int]], Iterable[TargetRecord]]


class CoverageCollector(Collector):
    """Coverage and width of the target interval of served bands, all models pooled.

    Only some steps, all segments together and the largest of them alone are shown;
    `/tsfm/coverage` tells the rest.
    """

    def __init__(self, targets: Targets) -> None:
        """Read ``targets``, which takes the steps, whenever the metrics are read."""
        self._targets = targets

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

    def _rows(self) -> list[TargetRecord]:
        sums: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0] * 4)
        sizes: dict[str, float] = defaultdict(float)
        for name, step, *numbers in self._targets(_STEPS):
            for segment in (ALL, name):
                row = sums[segment, step]
                row[:] = map(add, row, numbers)
                sizes[segment] += numbers[0]
        shown = sorted(sizes, key=sizes.__getitem__, reverse=True)[: _MAX_SEGMENTS + 1]
        return [
            TargetRecord(segment, step, *numbers)
            for (segment, step), numbers in sorted(sums.items(), key=lambda one: one[0])
            if segment in shown
        ]
