"""Turns what is told into metrics and log lines; knows every metric's labels."""

from collections.abc import Collection, Sequence

from structlog.typing import FilteringBoundLogger

from tsfm_runner.adapters.telemetry.metrics import Metrics
from tsfm_runner.domain.calibration import Drift
from tsfm_runner.domain.delivery import Delivery
from tsfm_runner.domain.forecast import (
    BreakerState,
    Rung,
    RuntimeMode,
    ServedForecast,
)
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.domain.telling import Breaches, CacheEvent, RuntimeCall

_BREAKER_VALUES: dict[BreakerState, int] = {"closed": 0, "half_open": 1, "open": 2}
_MODE_VALUES: dict[RuntimeMode, int] = {"normal": 0, "degraded": 1, "baseline_only": 2}
_OUTCOMES = {401: "denied", 403: "denied", 429: "limited", 503: "shed"}
_OTHER = "other"
_FOLLOWED = {True: "yes", False: "no", None: "unknown"}


class Teller:
    """A ``Telemetry`` of Prometheus metrics and JSON logs.

    Names of models come from callers, so only those of the registry become
    labels; all others share one.
    """

    def __init__(
        self,
        metrics: Metrics,
        log: FilteringBoundLogger,
        *,
        known_models: Collection[str],
    ) -> None:
        """Count in ``metrics`` and write to ``log``."""
        self._metrics = metrics
        self._log = log
        self._known_models = frozenset(known_models)

    def request_answered(self, route: str, *, status: int, duration_s: float) -> None:
        """Count one HTTP request, by the pattern of its route."""
        self._metrics.requests.counts[route, _outcome(status)] += 1
        self._metrics.request_duration.observe((route,), duration_s)

    def request_failed(self, failure: Exception, *, request_id: str) -> None:
        """Log an error of our own with its traceback."""
        self._log.error("own_error", request_id=request_id, exc_info=failure)

    def forecast_served(
        self, served: ServedForecast, *, request_id: str, is_alone: bool
    ) -> None:
        """Count and log one answer to one market."""
        task, origin, cache = served.task, served.provenance, served.cache
        reason = origin.fallback_reason
        model = self._model(origin.model_name)
        why = "none" if reason is None else reason.value
        self._metrics.forecasts.counts[origin.runtime, model, why] += 1
        if cache is None:
            self._metrics.steps.counts[model,] += task.horizon
            self._metrics.crossings.counts[model,] += origin.n_crossings
        if origin.is_meant_for_model and (cache is None or cache.is_stale):
            self._count_for_model(served, is_alone=is_alone)
        self._log.info(
            "forecast",
            request_id=request_id,
            forecast_id=origin.forecast_id,
            market_id=task.market_id,
            as_of_ts=task.cutoff,
            runtime=origin.runtime,
            model=origin.model_name,
            revision=origin.model_version,
            input_len=origin.input_length,
            missing_ratio=origin.missing_ratio,
            warnings=origin.warnings,
            fallback_reason=reason,
            cache_hit=cache is not None,
            latency_ms=round(served.latency_ms, 3),
        )

    def _count_for_model(self, served: ServedForecast, *, is_alone: bool) -> None:
        """Count an answer that a model gave just now, or should have given."""
        failure = served.provenance.model_failure
        how = "none" if failure is None else failure.value
        self._metrics.model_forecasts.counts[how,] += 1
        if is_alone:
            duration_s = served.latency_ms / 1_000
            self._metrics.model_forecast_duration.observe((), duration_s)

    def runtime_called(self, call: RuntimeCall) -> None:
        """Count one exchange with a runtime; log one that failed."""
        model = self._model(call.model_name)
        self._metrics.runtime_duration.observe((call.runtime, model), call.duration_s)
        if call.error is not None:
            self._metrics.runtime_errors.counts[call.runtime, call.error] += 1
            self._log.warning(
                "runtime_call_failed",
                runtime=call.runtime,
                model=call.model_name,
                n_series=call.n_series,
                error=call.error,
                duration_s=round(call.duration_s, 6),
                request_id=call.request_ids,
            )

    def batch_left(self, waits_s: Sequence[float]) -> None:
        """Count a batch that leaves, and how long each series waited for it."""
        self._metrics.batch_size.observe((), len(waits_s))
        for wait_s in waits_s:
            self._metrics.queue_wait.observe((), wait_s)

    def breaker_changed(self, runtime: Rung, family: str, state: BreakerState) -> None:
        """Show and log a breaker that entered a state."""
        self._metrics.breakers.enter(runtime, family, _BREAKER_VALUES[state])
        self._log.warning("breaker", runtime=runtime, family=family, state=state)

    def mode_changed(self, runtime: Rung, mode: RuntimeMode) -> None:
        """Show and log a runtime that is asked more, or less, than before."""
        self._metrics.runtime_mode.labels(runtime).set(_MODE_VALUES[mode])
        self._log.warning("runtime_mode", runtime=runtime, mode=mode)

    def cache_used(self, event: CacheEvent) -> None:
        """Count what the cache did for one task."""
        self._metrics.cache_events.counts[event,] += 1

    def outcomes_scored(self, n_steps: int, breaches: Breaches) -> None:
        """Count steps of bands whose outcomes came, and those outside."""
        n_shadows = n_steps - breaches.n_served
        self._metrics.outcomes.counts["served",] += breaches.n_served
        self._metrics.outcomes.counts["shadow",] += n_shadows
        self._metrics.breaches.counts["moderate",] += breaches.n_moderate
        self._metrics.breaches.counts["severe",] += breaches.n_severe

    def drifted(self, drift: Drift) -> None:
        """Count and log a segment whose outcomes no longer fit what was learned."""
        model = self._model(drift.stream.model_name)
        self._metrics.drifts.counts[model,] += 1
        self._log.warning(
            "drift",
            model=drift.stream.model_name,
            revision=drift.stream.model_version,
            step_s=drift.stream.step_s,
            segment=drift.segment,
            step=drift.step,
            miss_rate=round(drift.miss_rate, 4),
            inside_rate=round(drift.inside_rate, 4),
        )

    def signal_told(self, signal: BreachSignal) -> None:
        """Count and log one thing that happened to a breach."""
        follow = signal.follow_through
        if signal.phase == "followed" and follow is not None:
            self._metrics.followed.counts[_FOLLOWED[follow.has_followed],] += 1
        self._metrics.signals.counts[signal.phase, signal.severity] += 1
        self._log.info(
            "breach",
            phase=signal.phase,
            market_id=signal.market_id,
            dedupe_key=signal.dedupe_key,
            severity=signal.severity,
            direction=signal.direction,
            n_steps=signal.n_steps,
            p_value=round(signal.p_value, 6),
            q_value=round(signal.q_value, 6),
            close_reason=signal.close_reason,
        )

    def ledger_changed(self, failure: Exception | None) -> None:
        """Log that the ledger cannot be written to, or that it can again."""
        self._metrics.ledger_writable.set(failure is None)
        if failure is None:
            self._log.warning("ledger_writes_again")
        else:
            self._log.error("ledger_cannot_be_written", error=str(failure))

    def delivery_tried(self, delivery: Delivery) -> None:
        """Count what became of posted signals; log those that were not taken."""
        labels = delivery.endpoint, delivery.outcome
        self._metrics.deliveries.counts[labels] += delivery.n_signals
        tell = {
            "delivered": self._log.debug,
            "retried": self._log.warning,
            "dead": self._log.error,
        }[delivery.outcome]
        tell(
            "webhook",
            endpoint=delivery.endpoint,
            outcome=delivery.outcome,
            n_signals=delivery.n_signals,
            n_attempts=delivery.n_attempts,
            error=delivery.error,
        )

    def courier_lost(self, endpoint: str, failure: BaseException) -> None:
        """Log an error of our own that ended the telling of an endpoint."""
        self._log.error("webhook_stopped", endpoint=endpoint, exc_info=failure)

    def cycle_finished(self, duration_s: float) -> None:
        """Count one cycle over many markets."""
        self._metrics.cycle_duration.observe((), duration_s)

    def _model(self, name: str) -> str:
        return name if name in self._known_models else _OTHER


def _outcome(status: int) -> str:
    """Return ok, refused (the caller's fault), denied, limited, shed or failed."""
    if status in _OUTCOMES:
        return _OUTCOMES[status]
    if status < 400:  # noqa: PLR2004 - where refusals begin
        return "ok"
    return "refused" if status < 500 else "failed"  # noqa: PLR2004 - our own faults
