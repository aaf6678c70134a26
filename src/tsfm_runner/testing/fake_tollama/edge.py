"""The HTTP edge of the double: bodies in, errors and headers out."""

import json
import math
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from tsfm_runner.testing.fake_tollama.generations import (
    gives_hints,
    has_route,
    too_new,
)
from tsfm_runner.testing.fake_tollama.options import Memory
from tsfm_runner.testing.fake_tollama.refusals import RefusalError

MEMORY = web.AppKey("memory", Memory)
_BODY = web.RequestKey("body", object)
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
_REQUEST_ID = "X-Request-ID"
_REQUEST_ID_BYTES = 8
_MEGABYTE = 1024**2
_UNAUTHORIZED = 401
_INTERNAL = 500
_MISSING = object()

_Body = TypeVar("_Body", bound=BaseModel)


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors in the daemon's shapes and mark every response.

    The order is the daemon's: size, route, JSON, key; the schema comes last.
    """
    memory = request.app[MEMORY]
    limit_mb = memory.options.max_body_mb
    if (request.content_length or 0) > limit_mb * _MEGABYTE:
        size = f"{request.content_length} bytes exceeds {limit_mb} MB limit"
        return web.json_response(
            {"detail": f"request body too large: {size}"}, status=413
        )
    try:
        _check_route(request, memory)
        request[_BODY] = await _read_json(request)
        _check_key(request, memory)
        response = await handler(request)
    except RefusalError as refusal:
        if refusal.status == _INTERNAL:
            return web.Response(status=_INTERNAL, text=str(refusal.detail))
        response = _refused(refusal, memory)
    if not response.prepared:
        mark(request, response)
    return response


def mark(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries; streams call it themselves."""
    response.headers.update(_SECURITY_HEADERS)
    made = secrets.token_hex(_REQUEST_ID_BYTES)
    response.headers[_REQUEST_ID] = request.headers.get(_REQUEST_ID, made)


async def _read_json(request: web.Request) -> object:
    """Return the body, or its text where the daemon would not take it for JSON.

    NaN and Infinity are accepted, as the daemon accepts them.
    """
    raw = await request.read()
    if not raw:
        return _MISSING
    if "json" not in request.content_type:
        return raw.decode(errors="replace")
    try:
        return json.loads(raw)
    except json.JSONDecodeError as exc:
        raise RefusalError(400, [_not_json(exc)]) from exc


def read_body(request: web.Request, kind: type[_Body]) -> _Body:
    """Return the body as the schema has it, or refuse it the way pydantic does."""
    body = request[_BODY]
    if body is _MISSING:
        missing = {
            "type": "missing",
            "loc": ["body"],
            "msg": "Field required",
            "input": None,
        }
        raise RefusalError(400, [missing])
    errors = too_new(request.app[MEMORY].options.generation, body)
    try:
        parsed = kind.model_validate(body, from_attributes=True)
    except ValidationError as exc:
        errors += [_schema_error(dict(item)) for item in exc.errors(include_url=False)]
        raise RefusalError(400, errors) from exc
    if errors:
        raise RefusalError(400, errors)
    return parsed


def write_json(answer: object) -> str:
    """Return JSON in which numbers that are not finite have become null."""
    return json.dumps(_nulled(answer), allow_nan=False)


def _check_route(request: web.Request, memory: Memory) -> None:
    problem = request.match_info.http_exception
    if isinstance(problem, web.HTTPMethodNotAllowed):
        raise RefusalError(405, "Method Not Allowed")
    if problem or not has_route(request.path, memory.options.generation):
        raise RefusalError(404, "Not Found")


def _check_key(request: web.Request, memory: Memory) -> None:
    expected = memory.options.api_key
    if expected is None:
        return
    given = request.headers.get("Authorization")
    if given is None:
        raise RefusalError(_UNAUTHORIZED, "missing bearer token")
    scheme, _, key = given.partition(" ")
    if scheme != "Bearer":
        raise RefusalError(_UNAUTHORIZED, "authorization scheme must be Bearer")
    if not secrets.compare_digest(key.encode(), expected.encode()):
        raise RefusalError(_UNAUTHORIZED, "invalid api key")


def _refused(refusal: RefusalError, memory: Memory) -> web.Response:
    answer: dict[str, Any] = {"detail": refusal.detail}
    if refusal.hint and gives_hints(memory.options.generation):
        answer["hint"] = refusal.hint
    response = web.json_response(text=write_json(answer), status=refusal.status)
    if refusal.status == _UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _not_json(exc: json.JSONDecodeError) -> dict[str, Any]:
    return {
        "type": "json_invalid",
        "loc": ["body", exc.pos],
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": exc.msg},
    }


def _schema_error(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error of pydantic as the daemon sends it, its input included."""
    context = {key: _plain(value) for key, value in error.get("ctx", {}).items()}
    item = {**error, "loc": ["body", *error["loc"]]}
    return {**item, "ctx": context} if context else item


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Exception) else value


def _nulled(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _nulled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nulled(item) for item in value]
    return value
