"""Every metric, by name; base units, and no label that grows with the markets."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest

from tsfm_runner.adapters.telemetry.tallies import Spread, Tally

_FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_SLOW_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
_CYCLE_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
_SERIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        """Start every metric at nothing."""
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Tally:
            return Tally(registry, name, text, labels)

        def histogram(
            name: str, text: str, bounds: tuple[float, ...], *labels: str
        ) -> Spread:
            return Spread(registry, name, text, labels, bounds=bounds)

        self.requests = counter(
            "tsfm_requests", "HTTP requests by route and outcome.", "route", "outcome"
        )
        self.request_duration = histogram(
            "tsfm_request_duration_seconds",
            "Time to answer a request.",
            _FAST_S,
            "route",
        )
        self.forecasts = counter(
            "tsfm_forecasts",
            "Bands served, and why a baseline stood in (none: no fallback).",
            "runtime",
            "model",
            "fallback_reason",
        )
        self.runtime_duration = histogram(
            "tsfm_runtime_duration_seconds",
            "Time of one call of a runtime.",
            _SLOW_S,
            "runtime",
            "model",
        )
        self.runtime_errors = counter(
            "tsfm_runtime_errors", "Calls of a runtime that failed.", "runtime", "kind"
        )
        self.cache_events = counter(
            "tsfm_cache_events", "What the cache did for a market.", "event"
        )
        self.breaker_state = Gauge(
            "tsfm_breaker_state",
            "0 closed, 1 half open, 2 open.",
            ("runtime", "family"),
            registry=registry,
        )
        self.runtime_mode = Gauge(
            "tsfm_runtime_mode",
            "0 normal, 1 degraded, 2 baseline only.",
            ("runtime",),
            registry=registry,
        )
        self.crossings = counter(
            "tsfm_quantile_crossings",
            "Steps whose quantiles were put in order.",
            "model",
        )
        self.batch_size = histogram(
            "tsfm_batch_size", "Series in a call of a runtime.", _SERIES
        )
        self.queue_wait = histogram(
            "tsfm_queue_wait_seconds", "Time a series waited for its call.", _FAST_S
        )
        self.cycle_duration = histogram(
            "tsfm_cycle_duration_seconds", "Time of one batch.", _CYCLE_S
        )

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a gauge that is read when the metrics are."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)
