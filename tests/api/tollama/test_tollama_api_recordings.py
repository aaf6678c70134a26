"""Requests that were recorded with the real daemon: answered in the same shape."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.testing.fake_tollama.tollama_recordings import (
    Recording,
    needs_recordings,
    recordings,
)

pytestmark = needs_recordings

_ROUTES = (
    "/v1/health",
    "/v1/models",
    "/v1/forecast",
    "/api/version",
    "/api/tags",
    "/api/ps",
    "/api/info",
    "/api/show",
    "/api/pull",
    "/api/delete",
    "/api/validate",
    "/api/forecast",
)
_OF_ANOTHER_STATE = (
    "after_",
    "auth_",
    "body_6mb",
    "body_too_large",
    "bootstrap_",
    "daemon_",
    "env_default_timeout",
    "fault_",
    "forecast_before_pull",
    "half_open_",
    "health_under_",
    "mock_during_bootstrap",
    "ps_empty",
    "ps_after_",
    "pull_chronos2_",
    "pull_license",
    "pull_mock_stream",
    "rate_limit_",
    "tags_empty",
    "timeout_2s_on_hang",
    "timeout_field_tiny",
    "torch_chronos_2_3_2_crash",
    "torch_no_weights_offline",
    "validate_before_pull",
)
# Where we answer with another status than the daemon did, and why.
_OTHERWISE = {
    "a key that means nothing here is let through": {
        "body_extra_field": 200,
        "keep_alive_bad": 200,
        "metrics_no_actuals": 200,
        "params_alias": 200,
        "series_extra_field": 200,
        "timeout_string": 200,
        "timeout_zero": 200,
        "v1_forecast_stream_field": 200,
    },
    "a body is JSON, whatever its sender calls it": {"body_no_content_type": 200},
    "our models forecast series that the daemon's could not": {
        "torch_dup_ids": 200,
        "torch_mixed_freq": 200,
        "torch_two_points": 200,
        "target_nan_literal_last": 200,
    },
    "the mock of the daemon looks at no time and needs no history": {
        "one_point_series_explicit_freq": 502,
        "timestamps_not_dates": 502,
    },
    "levels lie in [0.001, 0.999], so that none ends a process": {
        "quantile_many_digits": 400,
        "quantile_tiny": 400,
    },
    "infinity is no probability": {"target_inf_literal": 400},
}
_STATUS = {
    name: status for names in _OTHERWISE.values() for name, status in names.items()
}
# What these ask for besides is left out.
_WITH_EXTRAS = {"metrics_actuals", "response_explain", "response_narrative"}
# `preprocessing` came with the last versions; clients of all others refuse it.
_NOT_TOLD = {"preprocessing"}


def _applies(one: Recording) -> bool:
    is_asked = one.path in _ROUTES and one.transport_error is None
    return is_asked and not one.name.startswith(_OF_ANOTHER_STATE)


_APPLYING = {name: one for name, one in recordings().items() if _applies(one)}


def _asked(daemon: TestClient, one: Recording) -> Any:  # noqa: ANN401
    """Send what was recorded, with a model of ours in the place of the daemon's."""
    sent = one.sent or b""
    for model in (b"mock", b"chronos2"):
        for gap in (b" ", b""):
            sent = sent.replace(
                b'"model":%b"%b"' % (gap, model), b'"model": "tsfm-runner"'
            )
    return daemon.request(
        one.method, one.path, content=sent, headers=one.request_headers
    )


@pytest.mark.parametrize("one", _APPLYING.values(), ids=_APPLYING.keys())
def test_status_and_keys_are_those_of_the_daemon(
    daemon: TestClient, one: Recording
) -> None:
    response = _asked(daemon, one)

    assert response.status_code == _STATUS.get(one.name, one.status), response.text
    if response.status_code == one.status and one.name not in _WITH_EXTRAS:
        theirs = [json.loads(line) for line in one.received.splitlines() if line]
        ours = [json.loads(line) for line in response.text.splitlines() if line]
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs, strict=True):
            assert _missing(our, their) == []


def _missing(our: Any, their: Any, path: str = "") -> list[str]:  # noqa: ANN401
    """Return each key of theirs that ours lacks, but what only their machine knows."""
    if isinstance(their, dict):
        if path.rpartition(".")[2] in _FREE:
            return []
        if not isinstance(our, dict):
            return [path]
        return [
            missing
            for key, value in their.items()
            if key not in _NOT_TOLD
            for missing in (
                _missing(our[key], value, f"{path}.{key}")
                if key in our
                else [f"{path}.{key}"]
            )
        ]
    if isinstance(their, list) and their and isinstance(our, list) and our:
        return _missing(our[0], their[0], f"{path}[]")
    return []


# What is in these is the caller's own, or of a machine that we are not.
_FREE = {"input", "usage", "config", "env", "paths", "pull_defaults"}
