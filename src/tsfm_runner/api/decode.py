"""Bytes of a body to plain JSON values, in bounded time and memory."""

import json
from collections import Counter
from typing import Any, NoReturn

from starlette.requests import Request

from tsfm_runner.api.problems import ProblemError, not_json, too_large


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """Return the body; stop reading as soon as it is over the limit."""
    what = f"the body may have at most {max_bytes} bytes"
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise ProblemError(too_large(what))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise ProblemError(too_large(what))
    return bytes(body)


def parse_json(body: bytes, *, max_values: int) -> Any:  # noqa: ANN401 - JSON is any
    """Return the JSON value of a body that does not hold too many of them.

    Refused, besides what is no JSON: NaN and Infinity, a key that stands twice
    in one object, and nesting too deep to follow.
    """
    # Every value but the first has a comma before it or opens a container, so
    # these counts bound what would be built, before anything is.
    n_values = 1 + sum(body.count(mark) for mark in (b",", b"[", b"{"))
    if n_values > max_values:
        raise ProblemError(too_large(f"the body may have at most {max_values} values"))
    try:
        return json.loads(
            body, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except RecursionError as failure:
        raise ProblemError(not_json("it is nested too deeply")) from failure
    except ValueError as failure:
        raise ProblemError(not_json(str(failure)[:200])) from failure


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = counts.most_common(1)[0][0]
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
