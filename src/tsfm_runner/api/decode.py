"""Bytes of a body to plain JSON values, in bounded time and memory."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request
from starlette.types import Message

from tsfm_runner.api.problems import (
    ProblemError,
    cut_short,
    not_json,
    too_large,
    too_slow,
)

_MAX_KEYS = 100
_MAX_LENGTH_DIGITS = 20
_THREAD_ABOVE_BYTES = 256 * 1024
Result = TypeVar("Result")


async def read_body(request: Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """Return the body; stop reading when it is over the limit, or takes too long."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(request, max_bytes=max_bytes)
    except TimeoutError as failure:
        raise ProblemError(too_slow(timeout_s)) from failure


async def _read(request: Request, *, max_bytes: int) -> bytes:
    if _declared_bytes(request) > max_bytes:  # before the caller sends any of it
        raise _too_many_bytes(max_bytes)
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")  # most bodies come whole
        if len(body) > max_bytes:
            raise _too_many_bytes(max_bytes)
        return body
    return await _read_on(request, message, max_bytes=max_bytes)


def _declared_bytes(request: Request) -> int:
    for name, value in request.scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:_MAX_LENGTH_DIGITS])
    return 0


def _too_many_bytes(max_bytes: int) -> ProblemError:
    return ProblemError(too_large(f"the body may have at most {max_bytes} bytes"))


async def _read_on(request: Request, message: Message, *, max_bytes: int) -> bytes:
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            # Nobody reads this answer; but a caller who leaves is no error of ours.
            raise ProblemError(cut_short())
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise _too_many_bytes(max_bytes)
        if not message.get("more_body"):
            return bytes(body)
        message = await request.receive()


def require_few_values(body: bytes, *, max_values: int) -> None:
    """Refuse a body of which too many values would be built, before any is."""
    if len(body) <= max_values:  # each value takes a byte at least
        return
    # Every value but the first has a comma before it or opens a container.
    n_values = 1 + sum(body.count(mark) for mark in (b",", b"[", b"{"))
    if n_values > max_values:
        raise ProblemError(too_large(f"the body may have at most {max_values} values"))


async def beside_loop_if_large(read: Callable[[], Result], body: bytes) -> Result:
    """Read a body; a large one in a thread, so that others need not wait for it."""
    if len(body) <= _THREAD_ABOVE_BYTES:
        return read()
    return await asyncio.to_thread(read)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON is any
    """Return the JSON value of a body.

    Refused, besides what is no JSON in UTF-8: NaN and Infinity, a key that stands
    twice in one object, objects of very many keys, and nesting too deep to follow.
    """
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except RecursionError as failure:
        raise ProblemError(not_json("it is nested too deeply")) from failure
    except ValueError as failure:
        # What follows a semicolon is advice to whoever runs the interpreter.
        reason = str(failure).partition(";")[0]
        raise ProblemError(not_json(reason)) from failure


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _MAX_KEYS:
        raise ProblemError(too_large(f"an object may have at most {_MAX_KEYS} keys"))
    values = dict(pairs)
    if len(values) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = counts.most_common(1)[0][0]
        reason = f"the key {twice[:80]!r} stands twice in one object"
        raise ProblemError(not_json(reason))
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ProblemError(not_json(f"{name} is no JSON number"))
