"""The way past the router for routes that are asked thousands of times a second."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tsfm_runner.api.problems import ProblemError, answer_to

# What a hot endpoint returns: the bytes of a JSON document, or a whole response.
Answer: TypeAlias = bytes | Response
Endpoint: TypeAlias = Callable[[Request], Awaitable[Answer]]

_JSON = (b"content-type", b"application/json")


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
            answer = await endpoint(Request(scope, receive))
        except ProblemError as failure:
            answer = answer_to(scope, failure.problem)
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        headers = [(b"content-length", b"%d" % len(answer)), _JSON]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
