"""Who may come in: request id, token, and headers that every answer carries."""

import hmac
import re
import uuid
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsfm_runner.api.problems import unauthorized
from tsfm_runner.config import AuthConfig

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """ASGI middleware: names every request, and lets only known keys through.

    Without any key every request passes; that the address then is loopback was
    checked before the start.
    """

    def __init__(self, app: ASGIApp, *, auth: AuthConfig) -> None:
        """Guard ``app`` with the keys of ``auth``."""
        self._app = app
        self._public = tuple(auth.public)
        self._keys: Mapping[str, bytes] = {
            name: key.get_secret_value().encode() for name, key in auth.keys.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = _with_headers(send, _request_id(headers))
        reason = None if self._is_public(scope["path"]) else self._refusal(headers)
        inner = self._app if reason is None else unauthorized(reason).response()
        await inner(scope, receive, send)

    def _is_public(self, path: str) -> bool:
        return any(
            path == open_ or path.startswith(f"{open_}/") for open_ in self._public
        )

    def _refusal(self, headers: Headers) -> str | None:
        """Return why the request may not pass, or None if it may."""
        if not self._keys:
            return None
        token = _token(headers)
        if token is None:
            return "the request carries no token"
        # Every key is compared, so that time tells nothing about any of them.
        matches = [hmac.compare_digest(token, key) for key in self._keys.values()]
        return None if any(matches) else "the token is not known"


def _token(headers: Headers) -> bytes | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = headers.get("x-api-key", "")
    return token.strip().encode("latin-1") or None  # the bytes as they came


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _with_headers(send: Send, request_id: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = request_id
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
