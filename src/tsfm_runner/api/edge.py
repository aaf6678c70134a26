"""Around everything: request id, security headers, load, one word to telemetry."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsfm_runner.api.problems import (
    Problem,
    Render,
    answer_to,
    internal_error,
    overloaded,
)
from tsfm_runner.api.streams import is_reader_gone
from tsfm_runner.api.watch import Watch
from tsfm_runner.config import ResilienceConfig

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_OTHER_ROUTE = "other"
_FAILED = 500
_ONE_FORM: Mapping[str, Render] = MappingProxyType({})


class Edge:
    """ASGI middleware: names every request, counts those at work, tells each once.

    ``scope["tsfm.request_id"]`` is the caller's own id or a new one, and
    ``scope["tsfm.is_overloaded"]`` says that so many forecasts are at work that
    no model should be asked for this one. ``scope["tsfm.render"]`` writes problems in
    the form that callers of the path read. An answer that ``scope["tsfm.is_stream"]``
    calls a stream has taken as long as it took to begin.
    """

    def __init__(
        self,
        app: ASGIApp,
        watch: Watch,
        *,
        limits: ResilienceConfig,
        forecast_routes: frozenset[str],
        renders: Mapping[str, Render] = _ONE_FORM,
    ) -> None:
        """Stand around ``app``; those of ``forecast_routes`` are limited in number.

        ``renders`` says how problems are told below the paths that it names.
        """
        self._app = app
        self._limits = limits
        self._telemetry = watch.telemetry
        self._clock = watch.clock
        self._new_id = watch.new_id
        self.forecast_routes = forecast_routes
        self._renders = renders
        self._closing: list[tuple[bytes, bytes]] = []
        self.n_in_flight = 0

    def drain(self) -> None:
        """Ask callers to close their connections: the process is about to stop."""
        self._closing = [(b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503 when too many forecasts are at work."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = self._clock()
        request_id = self._name(scope)
        headers = [(b"x-request-id", request_id), *_SECURITY_HEADERS, *self._closing]
        status, begun_s = 0, started_s

        async def send_marked(message: Message) -> None:
            nonlocal status, begun_s
            if message["type"] == "http.response.start":
                status, begun_s = message["status"], self._clock()
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        app = self._app
        is_forecast = scope["path"] in self.forecast_routes
        if is_forecast and self.n_in_flight >= self._limits.hard_max_in_flight:
            app = answer_to(scope, overloaded())
        self.n_in_flight += is_forecast
        scope["tsfm.is_overloaded"] = self.n_in_flight > self._limits.max_in_flight
        try:
            await app(scope, receive, send_marked)
        except Exception as failure:
            if scope.get("tsfm.is_stream") and status and is_reader_gone(failure):
                return
            self._telemetry.request_failed(failure, request_id=request_id.decode())
            if not status:
                await answer_to(scope, internal_error())(scope, receive, send_marked)
            raise  # the server closes the connection
        finally:
            self.n_in_flight -= is_forecast
            ended_s = begun_s if scope.get("tsfm.is_stream") else self._clock()
            self._telemetry.request_answered(
                _route(scope, self.forecast_routes),
                status=status or _FAILED,
                duration_s=ended_s - started_s,
            )

    def _name(self, scope: Scope) -> bytes:
        """Write down what all inside know a request by, and return its id."""
        # The router takes a line break at the end for nothing; so must the guard.
        scope["path"] = scope["path"].rstrip("\n")
        request_id = _own_id(scope) or self._new_id().encode("ascii")
        scope["tsfm.request_id"] = request_id.decode("ascii")
        scope["tsfm.render"] = self._render(scope["path"])
        return request_id

    def _render(self, path: str) -> Render:
        for prefix, render in self._renders.items():
            if path.startswith(prefix):
                return render
        return Problem.response


class _HasPath(Protocol):
    path_format: str


def _route(scope: Scope, forecast_routes: frozenset[str]) -> str:
    """Return the pattern of the route; paths that nobody serves share one name."""
    path: str = scope["path"]
    if path in forecast_routes:
        return path
    route: _HasPath | None = scope.get("route")
    return _OTHER_ROUTE if route is None else route.path_format


def _own_id(scope: Scope) -> bytes | None:
    """Return the id that the caller gave the request, if it is a plain word."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value)
    return None
