"""Requests to the double."""

import io
import json
from typing import Any

import aiohttp

TIMES = [f"2026-01-01T00:{5 * count:02}:00Z" for count in range(6)]
TARGET = [0.1, 0.4, 0.2, 0.3, 0.5, 0.45]


def one_series(name: str = "a", **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return one good series of six points."""
    given = {"id": name, "freq": "5min", "timestamps": TIMES, "target": TARGET}
    return {**given, **fields}


def a_body(*series: dict[str, Any], **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a good request of horizon 3."""
    given = {"model": "chronos2", "horizon": 3, "quantiles": [0.1, 0.9]}
    return {**given, "series": series or [one_series()], **fields}


async def told(
    url: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, Any]:
    """Return status and answer; NDJSON becomes a list."""
    method, data = "GET", None
    if body is not None:
        method, data = "POST", io.BytesIO(json.dumps(body).encode())
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(url) as session,
        session.request(method, path, data=data, headers=headers) as response,
    ):
        text = await response.text()
        lines = [json.loads(line) for line in text.splitlines()]
        return response.status, lines[0] if len(lines) == 1 else lines
