"""Statuses and details of the daemon, and what we make of them."""

import json
import traceback
from typing import Any

import pytest
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    a_call,
    replying,
    runtime_answered_by,
)

from tsfm_runner.errors import (
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeUnavailableError,
)

_TOKEN = "a-token-that-nobody-may-see"


async def _failure(body: bytes, *, status: int) -> ForecastRuntimeError:
    async with runtime_answered_by(replying(body, status=status)) as runtime:
        with pytest.raises(ForecastRuntimeError) as caught:
            await runtime.predict(a_call(), timeout_s=TIMEOUT_S)
    return caught.value


_SCHEMA = {"loc": ["body", "horizon"], "type": "int_type", "msg": "", "input": 3.0}
_IN_SERIES = {**_SCHEMA, "loc": ["body", "series", 0, "target", 1, "int"]}
_UNKNOWN_IN_SERIES = {
    **_SCHEMA,
    "loc": ["body", "series", 0, "unit"],
    "type": "extra_forbidden",
}
_UNKNOWN = {**_SCHEMA, "loc": ["body", "timeout"], "type": "extra_forbidden"}


@pytest.mark.parametrize(
    ("status", "detail", "ours", "is_input"),
    [
        (400, [_SCHEMA], RuntimeRefusedError, False),
        (400, [_IN_SERIES], RuntimeRefusedError, True),
        (400, [_SCHEMA, _IN_SERIES], RuntimeRefusedError, True),
        (400, [_UNKNOWN], RuntimeRefusedError, False),
        (400, [_UNKNOWN_IN_SERIES], RuntimeRefusedError, False),
        (400, [_IN_SERIES, _UNKNOWN], RuntimeRefusedError, False),
        (400, "freq='auto' but could not infer", RuntimeRefusedError, True),
        (400, {"code": "BAD_REQUEST"}, RuntimeRefusedError, True),
        (400, {"code": "FORECAST_ERROR"}, RuntimeRefusedError, True),
        (400, {"code": "MODEL_UNSUPPORTED"}, RuntimeRefusedError, False),
        (400, None, RuntimeRefusedError, False),
        (400, [None, 1, {"loc": 7}, {}], RuntimeRefusedError, False),
        (401, "missing bearer token", RuntimeRefusedError, False),
        (403, "no", RuntimeRefusedError, False),
        (404, "model 'mock' is not installed", ModelNotInstalledError, False),
        (404, "model 'a\n'b' is not installed", ModelNotInstalledError, False),
        (404, "Not Found", RuntimeRefusedError, False),
        (405, "Method Not Allowed", RuntimeRefusedError, False),
        (409, "license", RuntimeRefusedError, False),
        (413, "request body too large", RuntimeRefusedError, True),
        (418, [_IN_SERIES], RuntimeRefusedError, False),
        (422, [_IN_SERIES], RuntimeRefusedError, False),
        (429, "rate limit exceeded", RuntimeUnavailableError, None),
        (500, "Internal Server Error", RuntimeUnavailableError, None),
        (502, {"code": "FORECAST_ERROR"}, RuntimeRefusedError, True),
        (502, "invalid forecast response", RuntimeUnavailableError, None),
        (502, {"code": ["FORECAST_ERROR"]}, RuntimeUnavailableError, None),
        (503, {"code": "DEPENDENCY_MISSING"}, RuntimeUnavailableError, None),
        (503, {"code": "FORECAST_ERROR"}, RuntimeUnavailableError, None),
        (504, None, RuntimeUnavailableError, None),
        (599, None, RuntimeUnavailableError, None),
        (201, None, RuntimeProtocolError, None),
        (204, None, RuntimeProtocolError, None),
    ],
)
async def test_status_and_detail_say_which_error_it_is(
    status: int,
    detail: object,
    ours: type[ForecastRuntimeError],
    is_input: bool | None,  # noqa: FBT001 - a column of the table
) -> None:
    body = b"" if status == 204 else json.dumps({"detail": detail}).encode()

    failure = await _failure(body, status=status)

    assert type(failure) is ours
    assert getattr(failure, "is_input", None) == is_input


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'"x"', b"null", b"\xff", b"[" * 100_000]
)
@pytest.mark.parametrize(
    ("status", "ours"), [(400, RuntimeRefusedError), (502, RuntimeUnavailableError)]
)
async def test_status_counts_where_the_body_says_nothing(
    body: bytes, status: int, ours: type[ForecastRuntimeError]
) -> None:
    failure = await _failure(body, status=status)

    assert type(failure) is ours


@pytest.mark.parametrize("status", [400, 401, 404, 502, 503])
@pytest.mark.parametrize(
    "shape",
    [
        lambda text: text,
        lambda text: {"code": text, "message": text, "data": text},
        lambda text: [{"type": text, "loc": ["body", text], "input": text}],
    ],
    ids=["text", "object", "list"],
)
async def test_message_never_carries_what_the_daemon_said(
    status: int,
    shape: Any,  # noqa: ANN401
) -> None:
    said = f'Traceback: File "/srv/x.py", exited, Bearer {_TOKEN} ' * 1000
    body = json.dumps({"detail": shape(said), "hint": said}).encode()

    failure = await _failure(body, status=status)

    told = "".join(traceback.format_exception(failure))
    assert _TOKEN not in told
    assert "/srv" not in told
    assert len(str(failure)) < 80
