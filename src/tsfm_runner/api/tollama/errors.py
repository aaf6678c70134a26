"""Problems as clients of tollama read them: `detail`, and for some a `hint`."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tsfm_runner.api.guard import NO_TOKEN, WRONG_TOKEN
from tsfm_runner.api.problems import Problem, field_error

_MAX_ERRORS = 100
_MAX_TEXT = 80
_BAD_REQUEST = 400
_MEND = "Fix request payload or parameters and retry."
_INSTALL = (
    "Run `tollama pull <model>` to install. "
    "Use `tollama info --json` to inspect available models."
)
# The daemon knows no 422; its word for what the caller can mend is 400.
_STATUS = {422: _BAD_REQUEST}
_WORDS = {NO_TOKEN: "missing bearer token", WRONG_TOKEN: "invalid api key"}
_TOLD_BY_TITLE = frozenset({"not_found", "method_not_allowed"})
_HINTED = frozenset({_BAD_REQUEST, 403, 503})


def render(problem: Problem) -> Response:
    """Return the answer that the daemon would give."""
    status = _STATUS.get(problem.status, problem.status)
    body = {"detail": _detail(problem)}
    if status in _HINTED or problem.code == "model_not_installed":
        body["hint"] = problem.hint
    return Response(
        json.dumps(body, allow_nan=False).encode(),
        status,
        dict(problem.headers),
        "application/json",
    )


def _detail(problem: Problem) -> str | dict[str, str] | list[Mapping[str, Any]]:
    if problem.errors:
        return list(problem.errors)
    if problem.code == "forecast_error":
        return {"code": "FORECAST_ERROR", "message": problem.detail}
    if problem.code in _TOLD_BY_TITLE:
        return problem.title
    return _WORDS.get(problem.detail, problem.detail)


def said_of(problem: Problem) -> list[str]:
    """Return what is wrong in one sentence a field, as ``/api/validate`` tells it."""
    if not problem.errors:
        return [problem.detail]
    return [
        f"field {'.'.join(map(str, error['loc'][1:]))!r}: {error['msg']} "
        f"(got: {error['input']})"
        for error in problem.errors
    ]


def bad_request(detail: str) -> Problem:
    """Return the problem of a request that its sender can mend."""
    return Problem(_BAD_REQUEST, "bad_request", "Bad Request", detail, _MEND)


def forecast_error(message: str) -> Problem:
    """Return the problem of a series that nothing can be forecast from.

    The daemon tells it as a failure of its runner, so clients expect a 502.
    """
    return Problem(502, "forecast_error", "Bad Gateway", message, _MEND)


def not_installed(name: str) -> Problem:
    """Return the problem of a model that is not served here."""
    detail = f"model {name[:_MAX_TEXT]!r} is not installed"
    return Problem(404, "model_not_installed", "Not Found", detail, _INSTALL)


def not_in_registry(name: str) -> Problem:
    """Return the problem of a model that cannot be pulled; nothing can be, here."""
    # The quotation marks are the daemon's own.
    detail = f'"model {name[:_MAX_TEXT]!r} is not defined in the registry"'
    return Problem(404, "unknown_model", "Not Found", detail, _INSTALL)


def not_removable(name: str) -> Problem:
    """Return the problem of a model that somebody wants to have deleted."""
    detail = f"model {name!r} is part of the service and cannot be removed over HTTP"
    hint = "Whoever runs the service chooses its models; see its settings."
    return Problem(403, "not_removable", "Forbidden", detail, hint)


def no_body() -> Problem:
    """Return the problem of a body that is empty."""
    return _schema([_item("missing", (), "Field required", None)])


def not_json(failure: json.JSONDecodeError) -> Problem:
    """Return the problem of a body that is no JSON."""
    item = _item("json_invalid", (failure.pos,), "JSON decode error", {})
    return _schema([{**item, "ctx": {"error": failure.msg}}])


def unreadable() -> Problem:
    """Return the problem of a body in another encoding, or that nobody can follow."""
    message = "JSON must be UTF-8, its nesting shallow and its numbers short"
    return _schema([_item("json_invalid", (), message, {})])


def breaks_schema(failure: ValidationError) -> Problem:
    """Return the problem of a body whose fields are not what they should be."""
    errors = failure.errors(include_url=False)[:_MAX_ERRORS]
    return _schema([_told(error) for error in errors])


def _schema(items: Sequence[Mapping[str, Any]]) -> Problem:
    return Problem(
        _BAD_REQUEST, "invalid_request", "Bad Request", "schema", _MEND, items
    )


def _told(error: ErrorDetails) -> dict[str, Any]:
    told = _item(error["type"], error["loc"], error["msg"], error["input"])
    context = error.get("ctx")
    if context is None:
        return told
    return {**told, "ctx": {name: _plain(value) for name, value in context.items()}}


def _item(
    kind: str, loc: Sequence[str | int], message: str, given: object
) -> dict[str, Any]:
    """Return one error as pydantic tells it; what is long is cut short."""
    told = field_error(("body", *loc), message, given)
    return {"type": kind, **told, "input": _plain(given)}


def _plain(value: object) -> object:
    """Return what can be written as JSON in a few characters."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    if isinstance(value, Exception):
        return str(value)
    return value if value in ({}, []) else field_error((), "", value)["input"]
