"""Around everything: request id, security headers, load, one word to telemetry."""

import os
import re
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsfm_runner.api.problems import overloaded
from tsfm_runner.config import ResilienceConfig
from tsfm_runner.ports import Clock, Telemetry

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_ID_BYTES = 16
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_OTHER_ROUTE = "other"
_FAILED = 500


class Edge:
    """ASGI middleware: names every request, counts those at work, tells each once.

    ``scope["tsfm.request_id"]`` is the caller's own id or a new one, and
    ``scope["tsfm.is_overloaded"]`` says that so many forecasts are at work that
    no model should be asked for this one.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: ResilienceConfig,
        telemetry: Telemetry,
        clock: Clock,
        forecast_routes: frozenset[str],
    ) -> None:
        """Stand around ``app``; those of ``forecast_routes`` are limited in number."""
        self._app = app
        self._limits = limits
        self._telemetry = telemetry
        self._clock = clock
        self._forecast_routes = forecast_routes
        self._closing: list[tuple[bytes, bytes]] = []
        self.n_in_flight = 0

    def drain(self) -> None:
        """Ask callers to close their connections: the process is about to stop."""
        self._closing = [(b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503 when too many are at work."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = self._clock()
        # The router takes a line break at the end for nothing; so must the guard.
        scope["path"] = scope["path"].rstrip("\n")
        request_id = _request_id(scope)
        scope["tsfm.request_id"] = request_id.decode("ascii")
        headers = [(b"x-request-id", request_id), *_SECURITY_HEADERS, *self._closing]
        status = _FAILED

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        try:
            await self._counted(scope, receive, send_marked)
        finally:
            self._telemetry.request_answered(
                _route(scope, self._forecast_routes),
                status=status,
                duration_s=self._clock() - started_s,
            )

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; while it is a forecast at work, it counts."""
        if scope["path"] not in self._forecast_routes:
            await self._app(scope, receive, send)
            return
        if self.n_in_flight >= self._limits.hard_max_in_flight:
            await overloaded().response()(scope, receive, send)
            return
        self.n_in_flight += 1
        scope["tsfm.is_overloaded"] = self.n_in_flight > self._limits.max_in_flight
        try:
            await self._app(scope, receive, send)
        finally:
            self.n_in_flight -= 1


class _HasPath(Protocol):
    path: str


def _route(scope: Scope, forecast_routes: frozenset[str]) -> str:
    """Return the pattern of the route; paths that nobody serves share one name."""
    path: str = scope["path"]
    if path in forecast_routes:
        return path
    route: _HasPath | None = scope.get("route")
    return _OTHER_ROUTE if route is None else route.path


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value)
    return os.urandom(_ID_BYTES).hex().encode()
