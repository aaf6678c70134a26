"""Which optional keys the daemon accepts, read from its own description.

Every generation of the daemon refuses keys it does not know, and its version
number has never changed; only ``/openapi.json`` tells generations apart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import aiohttp
import msgspec

from tsfm_runner.adapters.tollama.exchange import ask, time_limit
from tsfm_runner.adapters.tollama.refusal import failure
from tsfm_runner.errors import ForecastRuntimeError
from tsfm_runner.ports import Clock

_MAX_DEPTH = 8
# A daemon under load takes seconds to describe itself; the forecast matters more.
_TIMEOUT_S = 0.5
_RETRY_S = 30.0
_EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Dialect:
    """Optional keys that are accepted, in the body and in one series."""

    body_keys: frozenset[str] = frozenset()
    series_keys: frozenset[str] = frozenset()


MINIMAL = Dialect()


def read_dialect(document: object) -> Dialect:
    """Return what ``POST /v1/forecast`` accepts according to an OpenAPI document.

    A document of any other shape gives the minimal dialect.
    """
    node = document
    for key in ("paths", "/v1/forecast", "post", "requestBody", "content"):
        node = _mapping(node).get(key)
    schema = _mapping(_mapping(node).get("application/json")).get("schema")
    body = _properties(document, schema)
    series = _properties(document, body.get("series"))
    return Dialect(frozenset(body), frozenset(series))


class DialectDetector:
    """Asks the daemon once what it accepts, and again later where that failed."""

    def __init__(self, session: aiohttp.ClientSession, *, clock: Clock) -> None:
        """Take the session of the runtime; nothing is sent yet."""
        self._session = session
        self._clock = clock
        self._known: Dialect | None = None
        self._retry_at_s = clock()

    async def current(self, *, timeout_s: float) -> Dialect:
        """Return what is known, asking first if nothing is; never an error."""
        if self._known is None and self._clock() >= self._retry_at_s:
            try:
                self._known = await self._detect(min(_TIMEOUT_S, timeout_s))
            except ForecastRuntimeError:
                self.forget()
        return self._known or MINIMAL

    def forget(self) -> None:
        """Speak the minimal dialect for a while; then ask again."""
        self._known = None
        self._retry_at_s = self._clock() + _RETRY_S

    async def _detect(self, timeout_s: float) -> Dialect:
        async with time_limit(timeout_s):
            reply = await ask(self._session, "GET", "openapi.json")
        if not reply.is_ok:
            raise failure(reply)
        try:
            return read_dialect(msgspec.json.decode(reply.body))
        except (ValueError, RecursionError):
            return MINIMAL


def _mapping(node: object) -> Mapping[str, Any]:
    return node if isinstance(node, dict) else _EMPTY


def _properties(document: object, schema: object) -> dict[str, Any]:
    """Return the properties of an object, of a list's items, of any alternative."""
    return {
        name: value
        for node in _unfold(document, schema, _MAX_DEPTH)
        for name, value in _mapping(node.get("properties")).items()
    }


def _unfold(
    document: object, schema: object, depth: int
) -> Iterator[Mapping[str, Any]]:
    """Yield every schema that a value may have to satisfy, references followed.

    Documents may refer to themselves in circles, so the depth is bounded.
    """
    node = _mapping(schema)
    if not node or depth == 0:
        return
    yield node
    inner = chain(
        [_referenced(document, node.get("$ref")), node.get("items")],
        *(_listed(node.get(word)) for word in ("allOf", "anyOf", "oneOf")),
    )
    for part in inner:
        yield from _unfold(document, part, depth - 1)


def _listed(node: object) -> list[Any]:
    return node if isinstance(node, list) else []


def _referenced(document: object, reference: object) -> object:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = _mapping(node).get(part)
    return node
