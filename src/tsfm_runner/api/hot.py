"""The way past the router for routes that are asked thousands of times a second."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tsfm_runner.api.problems import ProblemError

Endpoint = Callable[[Request], Awaitable[Response]]


class HotRoutes:
    """ASGI middleware: calls some endpoints at once, and leaves the rest to the app.

    The endpoints are declared with the app as well, which documents them and
    answers every method and path that is not exactly theirs.
    """

    def __init__(self, app: Starlette, *, endpoints: Mapping[str, Endpoint]) -> None:
        """Call ``endpoints``, by path, for POST, as ``app`` would."""
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a hot route, or pass the request on."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        endpoint = self._endpoints.get(scope["path"]) if is_post else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._app
        try:
            response = await endpoint(Request(scope, receive))
        except ProblemError as failure:
            response = failure.problem.response()
        await response(scope, receive, send)
