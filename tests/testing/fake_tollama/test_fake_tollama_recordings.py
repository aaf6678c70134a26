"""Recorded requests, replayed to the double: it answers as the daemon did."""

import json
from typing import Any

import aiohttp
import pytest
from tests.testing.fake_tollama.tollama_recordings import (
    Recording,
    needs_recordings,
    recordings,
)

from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    running_fake_tollama,
)

pytestmark = needs_recordings

_KEY = "the-key-of-the-recordings"
_ROUTES = (
    "/v1/health",
    "/health/live",
    "/health/ready",
    "/api/version",
    "/openapi.json",
    "/api/tags",
    "/api/ps",
    "/v1/models",
    "/api/show",
    "/api/pull",
    "/v1/forecast",
    "/api/forecast",
    "/v1/timeseries/forecast",
    "/nope",
)
_ROUTES_OF_THE_DAEMON_ONLY = (
    "/api/analyze",
    "/api/auto-forecast",
    "/api/compare",
    "/api/conformal",
    "/api/dashboard/state",
    "/api/delete",
    "/api/forecast/stream",
    "/api/generate",
    "/api/info",
    "/api/usage",
    "/api/validate",
    "/dashboard",
    "/metrics",
    "/v1/models/pull",
)
_LEFT_OUT = {
    "needs a daemon that is down, killed or restarted": (
        "after_client_disconnect",
        "after_daemon_restart",
        "daemon_down",
        "daemon_sigkill_midrequest",
        "daemon_sigterm_midrequest",
        "mock_during_bootstrap",
    ),
    "made with a runner that misbehaves; see the faults": (
        "bootstrap_first_torch_forecast",
        "env_default_timeout",
        "fault_runner_bad_request",
        "fault_runner_bad_schema",
        "fault_runner_crossed",
        "fault_runner_dependency_missing",
        "fault_runner_drop_series",
        "fault_runner_exit",
        "fault_runner_forecast_error",
        "fault_runner_missing_quantile",
        "fault_runner_model_unsupported",
        "fault_runner_out_of_range",
        "fault_runner_reorder",
        "fault_runner_short",
        "timeout_2s_on_hang",
        "timeout_field_tiny",
        "torch_chronos_2_3_2_crash",
        "torch_no_weights_offline",
    ),
    "depends on earlier requests: breaker, rate limit, changed keys": (
        "after_timeout_breaker",
        "after_tiny_timeout",
        "auth_config_truncated",
        "auth_rotated_old",
        "half_open_probe_fails",
        "rate_limit_4",
    ),
    "depends on earlier requests: what is loaded; see the tests of routes": (
        "ps_keep_alive",
        "ps_loaded",
        "ps_torch",
    ),
    "only the head of the body was kept; see the tests of routes": (
        "body_6mb",
        "body_too_large",
    ),
    "the double computes no metrics, narrative or decomposition": (
        "metrics_actuals",
        "response_explain",
        "response_narrative",
    ),
}
_REASONS = {name: reason for reason, names in _LEFT_OUT.items() for name in names}
_RECORDINGS = {
    name: recording
    for name, recording in recordings().items()
    if recording.path in _ROUTES
}
_WITHOUT_MODELS = ("forecast_before_pull", "pull_mock_stream", "tags_empty")
_WITHOUT_CHRONOS2 = ("tags", "pull_chronos2_offline", "pull_chronos2_offline_stream")
_IN_WORDS_OF_PANDAS_OR_A_TRACEBACK = (
    "quantile_many_digits",
    "torch_bad_timestamps",
    "torch_epoch_timestamps",
)
_TIMES = ("timing", "usage", "accepted_at", "modified_at", "expires_at")


def _options(recording: Recording) -> FakeTollamaOptions:
    """Return the double whose models and key are those of the recording."""
    models: tuple[str, ...] = ("chronos2", "mock")
    if recording.name in _WITHOUT_MODELS:
        models = ()
    if recording.name in _WITHOUT_CHRONOS2:
        models = ("mock",)
    is_guarded = recording.name.startswith(("auth_", "rate_limit"))
    return FakeTollamaOptions(models=models, api_key=_KEY if is_guarded else None)


def _headers(recording: Recording) -> dict[str, str]:
    key = "another-key" if recording.name == "auth_bad_key" else _KEY
    return {
        name: value.replace("<KEY>", key)
        for name, value in recording.request_headers.items()
    }


async def _replayed(recording: Recording) -> tuple[aiohttp.ClientResponse, bytes]:
    async with (
        running_fake_tollama(_options(recording)) as url,
        aiohttp.ClientSession(url) as session,
        session.request(
            recording.method,
            recording.path,
            data=recording.sent,
            headers=_headers(recording),
        ) as response,
    ):
        return response, await response.read()


def _shape(value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Return keys and types; numbers are alike, and lists of numbers by length."""
    if isinstance(value, dict):
        return {name: _shape(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_shape(item, key) for item in value]
    if isinstance(value, bool | None):
        return value
    if isinstance(value, int | float):
        return "number"
    is_told_apart = key in ("id", "freq", "start_timestamp", "type", "status", "code")
    return value if is_told_apart else "text"


def _settled(body: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the body without what differs from one run to the next."""
    if isinstance(body, dict):
        return {key: _settled(item) for key, item in body.items() if key not in _TIMES}
    if isinstance(body, list):
        return [_settled(item) for item in body]
    return "NaN" if body != body else body  # noqa: PLR0124 - NaN is no equal of itself


def _told(body: bytes, content_type: str) -> Any:  # noqa: ANN401 - any JSON
    if "ndjson" in content_type:
        return {"__ndjson__": [json.loads(line) for line in body.splitlines()]}
    return json.loads(body) if "json" in content_type else {"__text__": body.decode()}


def test_every_recording_that_is_left_out_exists() -> None:
    unknown = set(_REASONS) - set(_RECORDINGS)

    assert unknown == set()


def test_every_recorded_route_is_played_or_left_out_on_purpose() -> None:
    recorded = {recording.path for recording in recordings().values()}

    assert recorded == {*_ROUTES, *_ROUTES_OF_THE_DAEMON_ONLY}


_REPLAYED = sorted(set(_RECORDINGS) - set(_REASONS))


@pytest.mark.parametrize("name", _REPLAYED)
async def test_status_and_headers_are_those_of_the_daemon(name: str) -> None:
    recording = _RECORDINGS[name]

    response, _ = await _replayed(recording)

    assert response.status == recording.status
    expected = recording.response_headers
    for header in ("x-content-type-options", "x-frame-options", "referrer-policy"):
        assert response.headers.get(header) == expected.get(header)
    assert response.headers.get("www-authenticate") == expected.get("www-authenticate")
    assert ("x-request-id" in response.headers) == ("x-request-id" in expected)
    if "X-Request-ID" in recording.request_headers:
        assert response.headers["x-request-id"] == expected["x-request-id"]
    assert response.content_type == expected["content-type"].split(";")[0]


_ERRORS = [name for name in _REPLAYED if _RECORDINGS[name].status != 200]


@pytest.mark.parametrize("name", _ERRORS)
async def test_errors_are_those_of_the_daemon_word_for_word(name: str) -> None:
    recording = _RECORDINGS[name]

    response, body = await _replayed(recording)

    told = _told(body, response.content_type)
    if name in _IN_WORDS_OF_PANDAS_OR_A_TRACEBACK:
        assert _shape(told) == _shape(recording.response_body)
    else:
        assert told == recording.response_body


_ANSWERS = [name for name in _REPLAYED if _RECORDINGS[name].status == 200]
_OF_MOCK = [
    name
    for name in _ANSWERS
    if "forecast" in _RECORDINGS[name].path and b'"mock"' in _RECORDINGS[name].received
]
_OTHERS = sorted(set(_ANSWERS) - set(_OF_MOCK) - {"v1_models"})


@pytest.mark.parametrize("name", _OF_MOCK)
async def test_mock_answers_what_it_answered_there(name: str) -> None:
    recording = _RECORDINGS[name]

    response, body = await _replayed(recording)

    told = _told(body, response.content_type)
    assert _settled(told) == _settled(recording.response_body)


@pytest.mark.parametrize("name", _OTHERS)
async def test_other_answers_have_the_same_shape(name: str) -> None:
    recording = _RECORDINGS[name]

    response, body = await _replayed(recording)

    told = _told(body, response.content_type)
    for answer in (told, recording.response_body):
        answer.pop("explanation", None)
    assert _shape(_settled(told)) == _shape(_settled(recording.response_body))


async def test_models_are_listed_in_the_daemon_s_shape() -> None:
    recording = _RECORDINGS["v1_models"]
    recorded = recording.response_body

    _, body = await _replayed(recording)

    told = json.loads(body)
    assert set(told) == set(recorded)
    assert [model["name"] for model in told["installed"]] == ["chronos2", "mock"]
    for name in ("chronos2", "mock", "moirai-2.0-R-small"):
        mine, theirs = (
            next(model for model in listed["available"] if model["name"] == name)
            for listed in (told, recorded)
        )
        assert set(mine) == set(theirs)
        assert set(mine["capabilities"]) == set(theirs["capabilities"])
        assert set(mine["license"]) == set(theirs["license"])
        assert mine["license"]["type"] == theirs["license"]["type"]
        assert mine["source"] == theirs["source"]
