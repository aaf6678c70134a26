"""A service to which everything happened of which it tells, and what it then tells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from prometheus_client.parser import text_string_to_metric_families
from tests.api.wire import (
    AS_OF_S,
    BATCH,
    FORECAST,
    a_request,
    an_app,
    client_of,
    prices,
    with_tollama,
)
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers

from tsfm_runner.api.app import Application
from tsfm_runner.domain.calibration import Drift, StreamKey
from tsfm_runner.domain.delivery import DeliveryOutcome
from tsfm_runner.domain.forecast import FallbackReason, ModelCall, Rung
from tsfm_runner.domain.telling import CacheEvent, CallError
from tsfm_runner.errors import RuntimeUnavailableError

OUTCOMES = ("ok", "refused", "denied", "limited", "shed", "failed")
# Labels of one name that mean something else in each metric.
_KINDS = {
    ("tsfm_requests_total", "outcome"): "outcome_of_request",
    ("tsfm_webhook_deliveries_total", "outcome"): "outcome_of_delivery",
    ("tsfm_runtime_errors_total", "kind"): "kind_of_error",
}
# What Prometheus itself adds to every sample.
OF_TARGET = frozenset({"job", "instance"})


@dataclass(frozen=True, slots=True)
class Exposition:
    """The labels of each sample and the values of them that can occur."""

    types: Mapping[str, str]
    labels: Mapping[str, frozenset[str]]
    seen: Mapping[tuple[str, str], frozenset[str]]
    known: Mapping[str, frozenset[str]]

    def values(self, name: str, label: str) -> frozenset[str]:
        """Return what a label can be: what it was, and what the code may make of it."""
        kind = _KINDS.get((name, label), label)
        return self.seen[name, label] | self.known.get(kind, frozenset())


def _answers(call: ModelCall) -> Answers:
    if call.series[0].market_id == "away":
        raise RuntimeUnavailableError("connection refused")
    return flat_answers(call)


def exposition() -> Exposition:
    """Return what a service tells after everything that it can tell of."""
    settings = with_tollama(
        webhooks={
            "endpoints": {"desk": {"url": "http://127.0.0.1:9/"}},
            "secrets": {"desk": "a-secret-of-sixteen-characters-or-more"},
        }
    )
    app = an_app(settings, runtime=FakeRuntime(_answers), clock=FakeClock())
    with client_of(app) as client:
        series = prices(60)
        for step in range(14):
            moment = datetime.fromtimestamp(AS_OF_S + 300 * step, UTC).isoformat()
            body = a_request(y=series[: 40 + step], as_of_ts=moment, freq="5m")
            assert client.post(FORECAST, json=body).status_code == 200
        for name in ("away", "rain"):
            client.post(FORECAST, json=a_request(y=series, market_id=name))
        client.post(BATCH, json={"requests": [a_request(), {}]})
        # The calibration is taught to drift elsewhere; this is the end of that way.
        telemetry = app.site.state.backend.telemetry
        telemetry.drifted(Drift(StreamKey("ewma", "1", 300), "one", 1, 0.4, 0.6))
        text = client.get("/metrics").text
    return _read(text, app)


def _read(text: str, app: Application) -> Exposition:
    families = list(text_string_to_metric_families(text))
    labels: dict[str, set[str]] = {}
    seen: dict[tuple[str, str], set[str]] = {}
    types = {}
    for family in families:
        for sample in family.samples:
            types[sample.name] = family.type
            labels.setdefault(sample.name, set()).update(sample.labels)
            for label, value in sample.labels.items():
                seen.setdefault((sample.name, label), set()).add(value)
    silent = [family.name for family in families if not family.samples]
    assert not silent, f"nothing of this happened to the busy service: {silent}"
    return Exposition(
        types,
        {name: frozenset(found) for name, found in labels.items()},
        {place: frozenset(found) for place, found in seen.items()},
        {name: frozenset(values) for name, values in _known(app)},
    )


def _known(app: Application) -> Iterator[tuple[str, set[str]]]:
    """Yield the values of labels that are closed lists."""
    reasons = {reason.value for reason in FallbackReason} | {"none"}
    yield "route", {*_paths(app), "other"}
    yield "outcome_of_request", set(OUTCOMES)
    yield "outcome_of_delivery", set(get_args(DeliveryOutcome))
    yield "runtime", set(get_args(Rung))
    yield "fallback_reason", reasons
    yield "failure", reasons
    yield "event", set(get_args(CacheEvent))
    yield "kind_of_error", set(get_args(CallError))


def _paths(app: Application) -> set[str]:
    return {*app.site.openapi()["paths"]}
