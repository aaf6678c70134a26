"""Errors as the caller sees them: RFC 9457 problem details."""

import json
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, TypeAlias

from fastapi import Response
from pydantic import ValidationError

from tsfm_runner.domain.quota import Quota

MEDIA_TYPE = "application/problem+json"
_MAX_INPUT = 80
_MAX_ERRORS = 100
_MESSAGES = {"model_type": "Input should be an object"}

_short = reprlib.Repr()  # never walks far into what a caller sends
_short.maxlevel, _short.maxstring, _short.maxother = 3, _MAX_INPUT, _MAX_INPUT


class ProblemError(Exception):
    """Raised anywhere at the HTTP edge to answer with a problem."""

    def __init__(self, problem: "Problem") -> None:
        """Carry the problem to the one place that turns it into an answer."""
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, before it is written out."""

    status: int
    code: str
    title: str
    detail: str
    hint: str
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the members of the problem; ``errors`` only where there are any."""
        members: dict[str, Any] = {
            "type": f"urn:tsfm-runner:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }
        return members | ({"errors": list(self.errors)} if self.errors else {})

    def response(self) -> Response:
        """Return the HTTP answer. ASCII only, so that no input can break it."""
        return Response(
            json.dumps(self.body()).encode(),
            self.status,
            dict(self.headers),
            MEDIA_TYPE,
        )


Render: TypeAlias = Callable[[Problem], Response]


def answer_to(scope: Mapping[str, Any], problem: Problem) -> Response:
    """Return the HTTP answer in the form that callers of this request read."""
    render: Render = scope.get("tsfm.render", Problem.response)
    return render(problem)


def not_json(reason: str) -> Problem:
    """Return the problem of a body that cannot be read at all."""
    return Problem(
        400,
        "invalid_json",
        "The body is not valid JSON",
        reason,
        "Send one JSON object with plain finite numbers and no key twice.",
    )


def cut_short() -> Problem:
    """Return the problem of a body whose sender left before its end."""
    return Problem(
        400,
        "incomplete_body",
        "The body is not complete",
        "the connection was closed before the end of the body",
        "Send as many bytes as Content-Length says.",
    )


def too_slow(timeout_s: float) -> Problem:
    """Return the problem of a body that did not arrive in time."""
    return Problem(
        408,
        "body_timeout",
        "The body did not arrive in time",
        f"the whole body has to be here {timeout_s:g} s after the head",
        "Send the body with the head, or split the batch.",
        headers={"Connection": "close"},
    )


def too_large(what: str) -> Problem:
    """Return the problem of a body that is over a limit."""
    return Problem(
        413,
        "payload_too_large",
        "The request is too large",
        what,
        "Send fewer points, or split the batch.",
    )


def rate_limited(quota: Quota, cost: int) -> Problem:
    """Return the problem of a caller who has too little left in this minute."""
    wait_s = max(1, ceil(quota.reset_s))
    return Problem(
        429,
        "rate_limited",
        "Too many forecasts in this minute",
        f"{quota.remaining} of {quota.limit} forecasts a minute are left, and the "
        f"request asks for {cost} more",
        f"Ask again in {wait_s} s.",
        headers={"Retry-After": str(wait_s)},
    )


def unauthorized(reason: str) -> Problem:
    """Return the problem of a missing or wrong token."""
    return Problem(
        401,
        "unauthorized",
        "A valid token is needed",
        reason,
        "Send 'Authorization: Bearer TOKEN' or 'X-API-Key: TOKEN'.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def not_allowed(reason: str) -> Problem:
    """Return the problem of a model that the licence policy forbids."""
    return Problem(
        403,
        "model_not_allowed",
        "The model may not be served here",
        reason,
        "GET /tsfm/models lists the models that may.",
    )


def internal_error() -> Problem:
    """Return the problem of a request that met an error of our own code."""
    return Problem(
        500,
        "internal_error",
        "An error of ours",
        "The service has a defect; the request may be correct.",
        "Report the X-Request-ID of this answer with the service's log.",
        headers={"Connection": "close"},
    )


def overloaded() -> Problem:
    """Return the problem of a request that is one too many."""
    return Problem(
        503,
        "overloaded",
        "Too many requests are at work",
        "so many requests are at work that even a baseline would come late",
        "Ask again after the time that Retry-After names, and fewer at a time.",
        headers={"Retry-After": "1"},
    )


def too_many_streams(limit: int) -> Problem:
    """Return the problem of a stream that is one too many."""
    return Problem(
        503,
        "too_many_streams",
        "Too many streams are open",
        f"{limit} streams of server-sent events are open, and no more may be",
        "Close one, or raise server.max_streams; GET /tsfm/breaches?since= tells the "
        "same to whoever asks.",
        headers={"Retry-After": "5"},
    )


def ledger_unavailable(reason: str) -> Problem:
    """Return the problem of a ledger that cannot be written to or read now."""
    return Problem(
        503,
        "ledger_unavailable",
        "The ledger cannot be used now",
        reason,
        "Send the same again after the time that Retry-After names; nothing is lost, "
        "and nothing counts twice.",
        headers={"Retry-After": "5"},
    )


def unknown_market(market_id: str) -> Problem:
    """Return the problem of a market that the ledger holds nothing of."""
    return Problem(
        404,
        "unknown_market",
        "Nothing is known of this market",
        f"the ledger holds no forecast of {_short.repr(market_id)}",
        "POST /tsfm/forecast asks for one.",
    )


def unseen_market(market_id: str) -> Problem:
    """Return the problem of a market that was not forecast lately."""
    return Problem(
        404,
        "unknown_market",
        "Nothing is known of this market",
        f"{_short.repr(market_id)} was not forecast lately, or is gone",
        "GET /tsfm/markets lists those that are known.",
    )


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the problem of fields that the caller can mend."""
    first = errors[0]
    where = ".".join(map(str, first["loc"]))
    return Problem(
        422,
        "invalid_request",
        "The request breaks a rule",
        f"{where}: {first['msg']}" if where else str(first["msg"]),
        "Each entry of 'errors' names a field and what is allowed there.",
        errors,
    )


def field_error(loc: Sequence[str | int], msg: str, value: object) -> dict[str, Any]:
    """Return one entry of ``errors``, with the caller's words cut to 80 characters."""
    return {
        "loc": [part[:_MAX_INPUT] if isinstance(part, str) else part for part in loc],
        "msg": msg,
        "input": _short.repr(value)[:_MAX_INPUT],
    }


def field_errors(
    failure: ValidationError,
) -> list[dict[str, Any]]:
    """Return the entries of ``errors`` of a failed validation, at most 100."""
    errors = failure.errors(include_url=False, include_context=False)
    return [_told(error["loc"], error) for error in errors[:_MAX_ERRORS]]


def query_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of ``errors`` of what stands behind the question mark."""
    return [_told(error["loc"][1:], error) for error in errors[:_MAX_ERRORS]]


def _told(loc: Sequence[str | int], error: Mapping[str, Any]) -> dict[str, Any]:
    message = _MESSAGES.get(error["type"], error["msg"]).removeprefix("Value error, ")
    return field_error(loc, message, error["input"])
