"""Posts that people ask for: one to try an endpoint, and dead letters once more."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tsfm_runner.adapters.webhooks.shapes import CONTENT_TYPES, Message
from tsfm_runner.config.webhooks import WebhookFormat

_SUMMARY = "TSFM Runner can reach this endpoint; nothing has happened."


def trial_message(shape: WebhookFormat, *, now_s: float) -> Message:
    """Return a post that tells of nothing: no breach, and no alert that fires."""
    name = f"test.{uuid4().hex}"
    moment = datetime.fromtimestamp(now_s, UTC)
    time = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if shape == "alertmanager":
        alert = {
            "labels": {"alertname": "TsfmTest"},
            "annotations": {"summary": _SUMMARY},
            "startsAt": time,
            "endsAt": time,
        }
        return _message(name, shape, [alert])
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "/tsfm-runner",
        "type": "tsfm.test",
        "time": time,
        "datacontenttype": "application/json",
        "data": {"summary": _SUMMARY},
    }
    return _message(name, shape, event)


def message_again(letter: Mapping[str, Any], shape: WebhookFormat) -> Message:
    """Return the post of a dead letter, by the name that it had."""
    payload = letter["payload"]
    name = f"{letter.get('dedupe_key')}.{letter.get('signal_id')}"
    return _message(name, shape, [payload] if shape == "alertmanager" else payload)


def _message(name: str, shape: WebhookFormat, document: object) -> Message:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Message(name, CONTENT_TYPES[shape], body)
