"""Answers as JSON or as NDJSON."""

import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from tsfm_runner.testing.fake_tollama.edge import mark


def json_answer(text: str) -> web.Response:
    """Return a good answer from its text."""
    return web.json_response(text=text)


async def stream_answer(
    request: web.Request, answer: dict[str, Any]
) -> web.StreamResponse:
    """Send a forecast as NDJSON; nulls are left out and NaN stays a bare NaN."""
    lines = (
        {"status": "loading model"},
        {"status": "running forecast"},
        {"done": True, "response": _without_nulls(answer)},
    )
    return await send_lines(request, lines)


async def send_lines(
    request: web.Request, lines: Iterable[dict[str, Any]]
) -> web.StreamResponse:
    """Send each line as soon as it is there."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    mark(request, response)
    await response.prepare(request)
    for line in lines:
        await response.write(json.dumps(line).encode() + b"\n")
    return response


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {
            key: _without_nulls(item) for key, item in value.items() if item is not None
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
