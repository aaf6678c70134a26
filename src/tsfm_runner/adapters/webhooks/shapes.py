"""What signals look like on their way: CloudEvents, or alerts of an Alertmanager."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote

from tsfm_runner.config import WebhookConfig
from tsfm_runner.config.webhooks import WebhookFormat
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.ports import Clock

Document: TypeAlias = Mapping[str, Any]
Describe: TypeAlias = Callable[[BreachSignal], Document]

CONTENT_TYPES: Mapping[WebhookFormat, str] = {
    "cloudevents": "application/cloudevents+json",
    "alertmanager": "application/json",
}
_NO_ADDRESS = "/tsfm-runner"


class Message(NamedTuple):
    """What is posted: its name, which is the same each time, its type and its body."""

    id: str
    content_type: str
    body: bytes


class Shape(Protocol):
    """Knows how signals are written."""

    def payload(self, signal: BreachSignal) -> Document:
        """Return one signal as JSON."""
        ...

    def message(self, signals: Sequence[BreachSignal]) -> Message:
        """Return one post of all signals."""
        ...


def shape_of(
    config: WebhookConfig, *, describe: Describe, public_url: str | None, now: Clock
) -> Shape:
    """Return the shape that the endpoint wants; ``describe`` writes a whole breach."""
    address = public_url.rstrip("/") if public_url is not None else None
    if config.format == "alertmanager":
        return Alerts(config.labels, config.open_for_s, address, now)
    return CloudEvents(describe, address or _NO_ADDRESS)


def message_id(signal: BreachSignal) -> str:
    """Return the name of a signal that no other has, not even in another ledger."""
    return f"{signal.dedupe_key}.{signal.id}"


@dataclass(frozen=True, slots=True)
class CloudEvents:
    """CloudEvents 1.0 in structured mode; one event is one post."""

    describe: Describe
    source: str

    def payload(self, signal: BreachSignal) -> Document:
        """Return the event of a signal."""
        return {
            "specversion": "1.0",
            "id": message_id(signal),
            "source": self.source,
            "type": f"tsfm.breach.{signal.phase}",
            "subject": signal.market_id,
            "time": _moment(signal.ts_s),
            "datacontenttype": "application/json",
            "dedupekey": signal.dedupe_key,
            "severity": signal.severity,
            "data": self.describe(signal),
        }

    def message(self, signals: Sequence[BreachSignal]) -> Message:
        """Return the post of the only signal."""
        [signal] = signals
        body = _json(self.payload(signal))
        return Message(message_id(signal), CONTENT_TYPES["cloudevents"], body)


@dataclass(frozen=True, slots=True)
class Alerts:
    """Alerts of Alertmanager's API v2; several are one post.

    An Alertmanager takes alerts with the same labels for the same alert. So labels
    are what never changes of a breach, and what does are annotations.
    """

    labels: Mapping[str, str]
    open_for_s: float
    address: str | None
    now: Clock

    def payload(self, signal: BreachSignal) -> Document:
        """Return the alert of a breach, as the signal tells that it stands."""
        now_s = self.now()
        starts_s = min(signal.opened_at_s, now_s)  # none of ours begins in the future
        ends_s = now_s + self.open_for_s
        if signal.closed_at_s is not None:
            ends_s = max(starts_s, min(signal.closed_at_s, now_s))
        return {
            "labels": {**self.labels, **_identity(signal)},
            "annotations": _annotations(signal),
            "startsAt": _moment(starts_s),
            "endsAt": _moment(ends_s),
            **self._link(signal),
        }

    def message(self, signals: Sequence[BreachSignal]) -> Message:
        """Return the post of all signals, by the name of the newest."""
        body = _json([self.payload(signal) for signal in signals])
        return Message(message_id(signals[-1]), CONTENT_TYPES["alertmanager"], body)

    def _link(self, signal: BreachSignal) -> Document:
        if self.address is None:
            return {}
        page = f"{self.address}/ui/market?id={quote(signal.market_id, safe='')}"
        return {"generatorURL": page}


def _identity(signal: BreachSignal) -> Document:
    return {
        "alertname": "TsfmBreach",
        "market_id": signal.market_id,
        "direction": signal.direction,
        "dedupe_key": signal.dedupe_key,
    }


def _annotations(signal: BreachSignal) -> dict[str, str]:
    band, follow = signal.band, signal.follow_through
    told = {
        "summary": (
            f"{signal.market_id}: {signal.price:.4g} is {signal.severity}ly "
            f"{signal.direction}, outside {band.lower:.4g} to {band.upper:.4g}"
        ),
        "severity": signal.severity,
        "phase": signal.phase,
        "price": f"{signal.price:.6g}",
        "band": f"{band.lower:.6g} to {band.upper:.6g} at {band.coverage:g}",
        "p_value": f"{signal.p_value:.3g}",
        "q_value": f"{signal.q_value:.3g}",
        "n_steps": str(signal.n_steps),
        "model": band.model_name,
    }
    if signal.event_id is not None:
        told["event_id"] = signal.event_id
    if signal.close_reason is not None:
        told["close_reason"] = signal.close_reason
    if follow is not None and follow.has_followed is not None:
        told["followed"] = "yes" if follow.has_followed else "no"
    return told


def _moment(time_s: float) -> str:
    moment = datetime.fromtimestamp(time_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
