"""Who may come in, and how often: tokens and rates."""

from collections.abc import Collection, Iterable
from typing import TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

from tsfm_runner.api.problems import answer_to, rate_limited, unauthorized
from tsfm_runner.api.spending import Spending
from tsfm_runner.ports import KeyRing, RateLimiter

RawHeaders: TypeAlias = Iterable[tuple[bytes, bytes]]

ANONYMOUS = "anonymous"
"""The name that all callers share where no key is needed."""
NO_TOKEN = "the request carries no token"  # noqa: S105 - words, no secret
WRONG_TOKEN = "the token is not known"  # noqa: S105


class Guard:
    """ASGI middleware: lets known keys through, as often as their rate allows.

    Without any key every request passes, and all callers share one name; that the
    address then is loopback was checked before the start. ``scope["tsfm.key"]`` is
    the name of the caller, ``scope["tsfm.spend"]`` charges for more forecasts than
    the one that every request of a limited route costs.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyRing,
        limiter: RateLimiter,
        public: Collection[str],
        limited: Collection[str],
    ) -> None:
        """Guard ``app``; ``public`` paths need no key, ``limited`` ones cost."""
        self._app = app
        self._keys = keys
        self._limiter = limiter
        self._public = frozenset(public)
        # All lies below the root, so it opens itself alone.
        self._below_public = tuple(f"{path}/" for path in public if path != "/")
        self._limited = frozenset(limited)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 429."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = self._caller(scope)
        if name is None:
            problem = unauthorized(_what_is_wrong(scope["headers"]))
            await answer_to(scope, problem)(scope, receive, send)
            return
        scope["tsfm.key"] = name
        quota = self._limiter.spend(name, 1) if self._is_limited(scope) else None
        if quota is None:
            await self._app(scope, receive, send)
            return
        spending = Spending(self._limiter, name, quota, send)
        scope["tsfm.spend"] = spending.charge
        inner = self._app
        if not quota.is_allowed:
            inner = answer_to(scope, rate_limited(quota, 1))
        await inner(scope, receive, spending.send)

    def _caller(self, scope: Scope) -> str | None:
        """Return the name of who asks, or None who may not."""
        if self._keys.is_empty or self._is_public(scope["path"]):
            return ANONYMOUS
        token = _token(scope["headers"])
        return None if token is None else self._keys.name_of(token)

    def _is_public(self, path: str) -> bool:
        return path in self._public or path.startswith(self._below_public)

    def _is_limited(self, scope: Scope) -> bool:
        return scope["path"] in self._limited and scope["method"] == "POST"


def _token(headers: RawHeaders) -> bytes | None:
    """Return the bytes of the token as they came: a bearer's, else ``X-API-Key``."""
    given = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer":
                return token.strip() or None
        elif name == b"x-api-key" and given is None:
            given = value.strip() or None
    return given


def _what_is_wrong(headers: RawHeaders) -> str:
    if _token(headers) is None:
        return NO_TOKEN
    return WRONG_TOKEN
