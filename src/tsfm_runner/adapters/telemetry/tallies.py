"""Counters and histograms that cost a dict entry to move, read as Prometheus does.

They are collectors of `prometheus_client`, whose own ones take a lock and a chain
of calls at each step: too dear where five of them move with every answer. All of
ours are moved from the one thread of the event loop.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import add

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]

_NONE: Mapping[Labels, Callable[[], float]] = {}


class Tally:
    """A counter by labels. ``counts[labels] += n`` moves it."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]
    ) -> None:
        """Start with no labels seen; without labels, at nothing."""
        self._name, self._text, self._labels = name, text, labels
        self.counts: defaultdict[Labels, float] = defaultdict(float)
        if not labels:
            self.counts[()] = 0
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter as it stands now."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self.counts.items():
            family.add_metric(labels, count)
        yield family


class Readout:
    """A counter by labels that is kept elsewhere: ``sources[labels]`` tells it."""

    def __init__(
        self,
        registry: CollectorRegistry | None,
        name: str,
        text: str,
        labels: Sequence[str],
        *,
        sources: Mapping[Labels, Callable[[], float]] = _NONE,
    ) -> None:
        """Start with the labels of ``sources``; without a registry nobody reads it."""
        self._name, self._text, self._labels = name, text, labels
        self.sources = dict(sources)
        if registry is not None:
            registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter as it stands now."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, source in self.sources.items():
            family.add_metric(labels, source())
        yield family


class Spread:
    """A histogram by labels."""

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        text: str,
        labels: Sequence[str],
        *,
        bounds: Sequence[float],
    ) -> None:
        """Count values by the first of the ``bounds`` that is not below them."""
        self._name, self._text, self._labels = name, text, labels
        self._bounds = bounds
        self._cells: defaultdict[Labels, list[int]] = defaultdict(
            lambda: [0] * (len(bounds) + 1)
        )
        self._sums: defaultdict[Labels, float] = defaultdict(float)
        if not labels:
            self._cells[()]  # without labels it is there from the start
        registry.register(self)

    def observe(self, labels: Labels, value: float) -> None:
        """Add one value."""
        self._cells[labels][bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    @property
    def bounds(self) -> Sequence[float]:
        """Upper bounds of what is counted together."""
        return self._bounds

    @property
    def mean(self) -> float | None:
        """The mean of all values, None without any."""
        n = sum(map(sum, self._cells.values()))
        return sum(self._sums.values()) / n if n else None

    def counted(self, is_wanted: Callable[[Labels], bool]) -> list[int]:
        """Return the counts up to each bound, and above all, over some labels."""
        total = [0] * (len(self._bounds) + 1)
        for labels, cells in self._cells.items():
            if is_wanted(labels):
                total = list(map(add, total, cells))
        return total

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram as it stands now."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, cells in self._cells.items():
            buckets = list(zip(names, accumulate(cells), strict=True))
            family.add_metric(labels, buckets, self._sums[labels])
        yield family
