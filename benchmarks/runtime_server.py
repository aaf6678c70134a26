"""A model runtime that costs next to nothing but the time it is told to take.

``tsfm-runner fake-tollama`` checks what it is sent as the daemon does, and is too
slow to stand behind a benchmark. This one speaks just enough of the daemon's API for
our adapter: it never validates, and its bands are the last value and a width.
"""

import asyncio
from contextlib import nullcontext
from typing import Annotated, Any

import msgspec
import typer

from asgi import Message, Receive, Send, answer, read, serve

NOT_FOUND = 404
_MODEL = "chronos2"
_WIDTH = 0.4


class Series(msgspec.Struct):
    """The part of a series that is looked at."""

    id: str
    target: list[float]


class Request(msgspec.Struct):
    """The part of a forecast request that is looked at."""

    model: str
    horizon: int
    quantiles: list[float]
    series: list[Series]


class Runtime:
    """Takes a time a call and a time a series, calls in turn or side by side."""

    def __init__(
        self, *, latency_s: float, per_series_s: float, is_serial: bool
    ) -> None:
        """Start with no calls counted."""
        self._latency_s = latency_s
        self._per_series_s = per_series_s
        self._turn = asyncio.Lock() if is_serial else nullcontext()
        self._counts = {"calls": 0, "series": 0}
        self._decoder = msgspec.json.Decoder(Request)
        self._documents: dict[str, Any] = {
            "/openapi.json": _description(),
            "/v1/health": {"status": "ok"},
            "/health/live": {"status": "ok"},
            "/v1/models": {"available": [], "installed": [{"name": _MODEL}]},
            "/counts": self._counts,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body, path = await read(receive), scope["path"]
        if path == "/v1/forecast":
            await answer(send, await self._forecast(self._decoder.decode(body)))
        elif path in self._documents:
            await answer(send, msgspec.json.encode(self._documents[path]))
        else:
            await answer(send, b"{}", NOT_FOUND)

    async def _forecast(self, request: Request) -> bytes:
        n_series = len(request.series)
        async with self._turn:
            await asyncio.sleep(self._latency_s + self._per_series_s * n_series)
        self._counts["calls"] += 1
        self._counts["series"] += n_series
        forecasts = [_band(series, request) for series in request.series]
        return msgspec.json.encode({"model": request.model, "forecasts": forecasts})


def _band(series: Series, request: Request) -> dict[str, Any]:
    last = series.target[-1]
    quantiles = {
        repr(level): [last + _WIDTH * (level - 0.5)] * request.horizon
        for level in request.quantiles
    }
    return {"id": series.id, "quantiles": quantiles}


def _description() -> dict[str, Any]:
    """Describe the newest generation of the daemon, as far as our adapter looks."""
    series = {"past_covariates": {}, "future_covariates": {}}
    body = {
        "timeout": {},
        "options": {},
        "series": {"items": {"properties": series}},
    }
    content = {"application/json": {"schema": {"properties": body}}}
    return {"paths": {"/v1/forecast": {"post": {"requestBody": {"content": content}}}}}


def main(
    *,
    port: Annotated[int, typer.Option(help="Port of the loopback to bind.")],
    latency_ms: Annotated[float, typer.Option(help="Time of each call.")] = 15.0,
    per_series_ms: Annotated[float, typer.Option(help="Time of each series.")] = 0.0,
    serial: Annotated[bool, typer.Option(help="One call at a time.")] = False,
) -> None:
    """Serve until SIGTERM."""
    runtime = Runtime(
        latency_s=latency_ms / 1e3, per_series_s=per_series_ms / 1e3, is_serial=serial
    )
    serve(runtime, port)


if __name__ == "__main__":
    typer.run(main)
