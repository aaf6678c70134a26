"""The way of a request past the guard, as spans; only where requests are traced."""

from collections.abc import Collection
from contextlib import ExitStack

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsfm_runner.ports import Span, Tracer


class Traced:
    """ASGI middleware: a span for each request of a forecast route.

    ``scope["tsfm.traceparent"]`` is its place in the trace, which goes on from where
    the caller's `traceparent` says. Until ``scope["tsfm.end_of_guard"]`` is called, a
    span below it is the guard's.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer, routes: Collection[str]) -> None:
        """Trace what ``app`` does on the paths of ``routes``."""
        self._app = app
        self._tracer = tracer
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it when it has been answered."""
        if scope["type"] != "http" or scope["path"] not in self._routes:
            await self._app(scope, receive, send)
            return
        name = f"{scope['method']} {scope['path']}"
        parent = _parent(scope)
        with self._tracer.span(name, parent=parent, kind="server") as span:
            span.tell(route=scope["path"], request_id=scope.get("tsfm.request_id", ""))
            scope["tsfm.traceparent"] = span.traceparent
            with ExitStack() as guard:
                guard.enter_context(self._tracer.stage("guard", (span.traceparent,)))
                scope["tsfm.end_of_guard"] = guard.close
                await self._app(scope, receive, _telling(send, span))


class Admitted:
    """ASGI middleware: ends the span of the guard when it has let a request through."""

    def __init__(self, app: ASGIApp) -> None:
        """Pass requests on to ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if end_of_guard := scope.get("tsfm.end_of_guard"):
            end_of_guard()
        await self._app(scope, receive, send)


def _telling(send: Send, span: Span) -> Send:
    async def send_and_tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.tell(status=message["status"])
        await send(message)

    return send_and_tell


def _parent(scope: Scope) -> str:
    """Return where in a trace the caller is, if it says so; checked by the tracer."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return bytes(value).decode("latin-1")
    return ""
