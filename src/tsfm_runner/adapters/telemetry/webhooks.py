"""How each webhook is doing, as gauges of Prometheus that are read when asked for."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tsfm_runner.domain.delivery import EndpointStatus

Statuses: TypeAlias = Callable[[], Sequence[EndpointStatus]]

_WHERE = ("endpoint",)


class WebhookCollector(Collector):
    """What waits for each endpoint, for how long, and whether it fails."""

    def __init__(self, statuses: Statuses) -> None:
        """Ask ``statuses`` whenever the metrics are read."""
        self._statuses = statuses

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every gauge as it stands now."""
        lag = GaugeMetricFamily(
            "tsfm_webhook_lag_seconds",
            "Age of the oldest signal that an endpoint was not told of.",
            labels=_WHERE,
        )
        waiting = GaugeMetricFamily(
            "tsfm_webhook_waiting",
            "Signals that an endpoint was not told of, 1,000 at most.",
            labels=_WHERE,
        )
        failing = GaugeMetricFamily(
            "tsfm_webhook_failing",
            "1 while an endpoint cannot be told, else 0.",
            labels=_WHERE,
        )
        for status in self._statuses():
            labels = (status.name,)
            lag.add_metric(labels, status.lag_s)
            waiting.add_metric(labels, status.n_waiting)
            failing.add_metric(labels, status.is_failing)
        yield from (lag, waiting, failing)
