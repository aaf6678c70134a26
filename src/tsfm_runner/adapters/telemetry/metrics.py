"""Every metric, by name; base units, and no label that grows with the markets."""

from collections.abc import Callable, Iterable
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from tsfm_runner.adapters.telemetry.breakers import BreakerGauges
from tsfm_runner.adapters.telemetry.coverage import CoverageCollector, Targets
from tsfm_runner.adapters.telemetry.tallies import Readout, Spread, Tally
from tsfm_runner.adapters.telemetry.webhooks import Statuses, WebhookCollector
from tsfm_runner.domain.delivery import DeliveryOutcome
from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.signals import SEVERITIES, SignalPhase
from tsfm_runner.domain.telling import CacheEvent, CallError

_FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
# With an edge at what a request may take.
_REQUEST_S = tuple(sorted((*_FAST_S, 0.3)))
# Fine around 0.3 s, which most services promise: at an edge nothing is estimated.
_NEAR_S = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.75)
_ANSWER_S = (0.005, 0.01, 0.025, 0.05, *_NEAR_S, 1, 1.5, 2, 2.5, 10)
_SLOW_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
_CYCLE_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
_SERIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        """Start every metric at nothing."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._watched: dict[str, Collector] = {}
        self._start_those_of_answers()
        self._start_those_of_bands()
        self._start_those_of_runtimes()
        self._start_those_of_calibration()

    def _start_those_of_answers(self) -> None:
        self.requests = self._counter(
            "tsfm_requests", "HTTP requests by route and outcome.", "route", "outcome"
        )
        self.request_duration = self._histogram(
            "tsfm_request_duration_seconds",
            "Time to answer a request.",
            _REQUEST_S,
            "route",
        )
        self.forecasts = self._counter(
            "tsfm_forecasts",
            "Bands served, and why a baseline stood in (none: no fallback).",
            "runtime",
            "model",
            "fallback_reason",
        )

    def _start_those_of_bands(self) -> None:
        self.model_forecasts = self._counter(
            "tsfm_model_forecasts",
            "Bands meant for a model and not kept ones, by how it failed (none).",
            "failure",
        )
        self.model_forecast_duration = self._histogram(
            "tsfm_model_forecast_duration_seconds",
            "Time of those that were asked for alone.",
            _ANSWER_S,
        )
        self.cache_events = self._counter(
            "tsfm_cache_events", "What the cache did for a market.", "event"
        )
        _begin(self.cache_events, get_args(CacheEvent))
        self.cycle_duration = self._histogram(
            "tsfm_cycle_duration_seconds", "Time of one batch.", _CYCLE_S
        )
        self.steps = self._counter(
            "tsfm_forecast_steps", "Steps of bands served, kept ones left out.", "model"
        )
        self.crossings = self._counter(
            "tsfm_quantile_crossings",
            "Steps whose quantiles were put in order.",
            "model",
        )

    def _start_those_of_runtimes(self) -> None:
        self.runtime_duration = self._histogram(
            "tsfm_runtime_duration_seconds",
            "Time of one call of a runtime.",
            _SLOW_S,
            "runtime",
            "model",
        )
        self.runtime_errors = self._counter(
            "tsfm_runtime_errors", "Calls of a runtime that failed.", "runtime", "kind"
        )
        self.breakers = BreakerGauges(self.registry)
        self.breaker_open = Readout(
            self.registry,
            "tsfm_breaker_open_seconds",
            "Time in which a breaker let nothing through.",
            ("runtime", "family"),
        )
        self.runtime_mode = self._gauge(
            "tsfm_runtime_mode", "0 normal, 1 degraded, 2 baseline only.", "runtime"
        )
        self.batch_size = self._histogram(
            "tsfm_batch_size", "Series in a call of a runtime.", _SERIES
        )
        self.queue_wait = self._histogram(
            "tsfm_queue_wait_seconds", "Time a series waited for its call.", _FAST_S
        )

    def _start_those_of_calibration(self) -> None:
        self.outcomes = self._counter(
            "tsfm_outcomes",
            "Steps of bands whose outcome came and was scored.",
            "band",
        )
        _begin(self.outcomes, ("served", "shadow"))
        self.breaches = self._counter(
            "tsfm_breaches",
            "Outcomes outside a served band: of the 10/90 interval only, or severe.",
            "severity",
        )
        _begin(self.breaches, ("moderate", "severe"))
        self.signals = self._counter(
            "tsfm_signals",
            "What happened to breach signals: opened, escalated, closed, followed.",
            "phase",
            "severity",
        )
        _begin(self.signals, get_args(SignalPhase), SEVERITIES)
        self.followed = self._counter(
            "tsfm_signals_followed",
            "Breach signals by whether the price went on: yes, no or unknown.",
            "followed",
        )
        _begin(self.followed, ("yes", "no", "unknown"))
        self.deliveries = self._counter(
            "tsfm_webhook_deliveries",
            "Signals by what a post of them came to: delivered, retried, dead.",
            "endpoint",
            "outcome",
        )
        self.drifts = self._counter(
            "tsfm_drifts", "Segments that started anew from recent scores.", "model"
        )
        self.ledger_writable = self._gauge(
            "tsfm_ledger_writable", "1 while the ledger can be written to, else 0."
        )
        self.ledger_writable.set(1)

    def add_runtime(self, runtime: Rung) -> None:
        """Show a runtime that was not asked yet: well, and without errors."""
        self.runtime_mode.labels(runtime).set(0)
        self.breakers.add_runtime(runtime)
        _begin(self.runtime_errors, (runtime,), get_args(CallError))

    def watch_webhooks(self, statuses: Statuses) -> None:
        """Add how each endpoint is doing, as it is when the metrics are read."""
        for status in statuses():
            for outcome in get_args(DeliveryOutcome):
                self.deliveries.counts[status.name, outcome] += 0
        self._put("webhooks", WebhookCollector(statuses))

    def watch_coverage(self, targets: Targets) -> None:
        """Add what bands have covered, as it is when the metrics are read."""
        self._put("coverage", CoverageCollector(targets))

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a gauge that is read when the metrics are."""
        gauge = Gauge(name, text, registry=None)
        gauge.set_function(value)
        self._put(name, gauge)

    def watch_count(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a counter that is kept elsewhere and read when the metrics are."""
        self._put(name, Readout(None, name, text, (), sources={(): value}))

    def _put(self, name: str, collector: Collector) -> None:
        """Add a collector in the place of one from an earlier start of this process."""
        if name in self._watched:
            self.registry.unregister(self._watched[name])
        self._watched[name] = collector
        self.registry.register(collector)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Tally:
        return Tally(self.registry, name, text, labels)

    def _histogram(
        self, name: str, text: str, bounds: tuple[float, ...], *labels: str
    ) -> Spread:
        return Spread(self.registry, name, text, labels, bounds=bounds)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)


def _begin(tally: Tally, *values: Iterable[str]) -> None:
    """Show every label from the start: a rate does not see what begins above 0."""
    for labels in product(*values):
        tally.counts[labels] = 0
