"""Answers as lines, one JSON object each; what is null is left out of them."""

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import Response

NDJSON = "application/x-ndjson"


def forecast_lines(answer: object) -> Response:
    """Return a forecast as lines. Like the daemon's, they go out when it is done."""
    return lines_of(
        (
            {"status": "loading model"},
            {"status": "running forecast"},
            {"done": True, "response": _without_nulls(answer)},
        )
    )


def lines_of(events: Iterable[object]) -> Response:
    """Return one line for each event."""
    encode = msgspec.json.encode
    return Response(b"".join(encode(one) + b"\n" for one in events), media_type=NDJSON)


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {
            key: _without_nulls(item) for key, item in value.items() if item is not None
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
