"""What bands have covered, as gauges of Prometheus: no more than can be read."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import add
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tsfm_runner.domain.calibration import TargetRecord

ALL = "all"
_MAX_SEGMENTS = 20
_STEPS = (1, 3, 6, 12)
_WHERE = ("segment", "step")

Targets: TypeAlias = Callable[[Sequence[int]], Iterable[TargetRecord]]


class CoverageCollector(Collector):
    """Coverage and width of the target interval of served bands, all models pooled.

    Only some steps, all segments together and the largest of them alone are shown;
    `/tsfm/coverage` tells the rest. Gauges tell of everything since the beginning,
    counters let what was lately be made of them.
    """

    def __init__(self, targets: Targets) -> None:
        """Read ``targets``, which takes the steps, whenever the metrics are read."""
        self._targets = targets

    def collect(self) -> Iterator[Metric]:
        """Yield coverage and width as they stand now."""
        ratio, width, outcomes, covered, widths = families = _families()
        for segment, step, n, closed, inside, total in self._rows():
            labels = (segment, str(step))
            outcomes.add_metric(labels, n)
            widths.add_metric(labels, total)
            width.add_metric(labels, total / n)
            for kind, hits in (("closed", closed), ("open", inside)):
                ratio.add_metric((*labels, kind), hits / n)
                covered.add_metric((*labels, kind), hits)
        yield from families

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


def _families() -> tuple[
    GaugeMetricFamily,
    GaugeMetricFamily,
    CounterMetricFamily,
    CounterMetricFamily,
    CounterMetricFamily,
]:
    return (
        GaugeMetricFamily(
            "tsfm_coverage_ratio",
            "Outcomes inside the target interval, with its edges (closed) or without.",
            labels=(*_WHERE, "kind"),
        ),
        GaugeMetricFamily(
            "tsfm_interval_width",
            "Mean width of the target interval, in probability units.",
            labels=_WHERE,
        ),
        CounterMetricFamily(
            "tsfm_interval_outcomes",
            "Outcomes that were held against the target interval.",
            labels=_WHERE,
        ),
        CounterMetricFamily(
            "tsfm_interval_covered",
            "Those inside it, with its edges (closed) or without (open).",
            labels=(*_WHERE, "kind"),
        ),
        CounterMetricFamily(
            "tsfm_interval_width_sum",
            "Widths of the interval of each of them, added up.",
            labels=_WHERE,
        ),
    )
