"""Bytes of a body to a checked request, as the daemon reads it."""

import json
from functools import partial
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError

from tsfm_runner.api.decode import beside_loop_if_large, read_body, require_few_values
from tsfm_runner.api.problems import ProblemError
from tsfm_runner.api.tollama.errors import (
    breaks_schema,
    no_body,
    not_json,
    unreadable,
)
from tsfm_runner.config import ServerConfig

Body = TypeVar("Body", bound=BaseModel)


async def read_small(request: Request, kind: type[Body], server: ServerConfig) -> Body:
    """Return the body of a request that names a model and little else."""
    raw = await read_body(
        request, max_bytes=server.max_body_bytes, timeout_s=server.body_timeout_s
    )
    require_few_values(raw, max_values=server.max_values)
    return parse(kind, raw)


async def read_large(
    request: Request, kind: type[Body], server: ServerConfig
) -> tuple[Body, bytes]:
    """Return the body of a request that may hold as much as one of our batches."""
    raw = await read_body(
        request, max_bytes=server.max_batch_body_bytes, timeout_s=server.body_timeout_s
    )
    require_few_values(raw, max_values=server.max_batch_values)
    return await beside_loop_if_large(partial(parse, kind, raw), raw), raw


def parse(kind: type[Body], raw: bytes) -> Body:
    """Return the request of a body; NaN and Infinity are taken as the daemon does.

    Raises ``ProblemError`` for anything else that is no such request.
    """
    if not raw:
        raise ProblemError(no_body())
    try:
        return kind.model_validate(_json(raw), from_attributes=True)
    except ValidationError as failure:
        raise ProblemError(breaks_schema(failure)) from failure
    except json.JSONDecodeError as failure:
        raise ProblemError(not_json(failure)) from failure
    except (RecursionError, ValueError) as failure:
        raise ProblemError(unreadable()) from failure


def _json(raw: bytes) -> Any:  # noqa: ANN401 - JSON is any
    """Return the value, fast where it is plain JSON; the slow way knows NaN too."""
    try:
        return msgspec.json.decode(raw)
    except (RecursionError, ValueError):
        return json.loads(raw.decode())
