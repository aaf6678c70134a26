"""Every recorded forecast exchange, replayed to the adapter."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from tests.adapters.tollama.tollama_outcomes import NAMES_BY_OUTCOME
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    Handler,
    a_call,
    replying,
    runtime_answered_by,
    runtime_at,
    series_of,
)
from tests.testing.fake_tollama.tollama_recordings import (
    Recording,
    needs_recordings,
    recordings,
)

from tsfm_runner.adapters.tollama import TollamaRuntime
from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.task import MAX_LEVEL, MIN_LEVEL
from tsfm_runner.errors import (
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)

pytestmark = needs_recordings

_DEFAULT_LEVELS = (0.1, 0.5, 0.9)
_RECORDINGS = {
    name: recording
    for name, recording in recordings().items()
    if recording.path in ("/v1/forecast", "/api/forecast")
}
_KINDS = {
    QuantileForecast: "forecast",
    ModelNotInstalledError: "not installed",
    RuntimeRefusedError: "refused",
    RuntimeTimeoutError: "timeout",
    RuntimeUnavailableError: "unavailable",
    RuntimeProtocolError: "protocol",
    RuntimeOutputError: "output",
}
_OUTCOMES = {
    name: outcome for outcome, names in NAMES_BY_OUTCOME.items() for name in names
}


def _call_of(recording: Recording) -> ModelCall:
    """Return the call that the recorded request stands for."""
    body = recording.request_body if isinstance(recording.request_body, dict) else {}
    levels = tuple(body.get("quantiles") or ())
    is_canonical = all(
        isinstance(level, float) and round(level, 4) == level for level in levels
    )
    if not is_canonical or not all(MIN_LEVEL <= level <= MAX_LEVEL for level in levels):
        levels = ()
    if list(levels) != sorted(set(levels)):
        levels = ()
    series = body.get("series") or [{"id": "x"}]
    return a_call(
        *series_of([item["id"] for item in series]),
        model_name=body.get("model", "mock"),
        quantile_levels=levels or _DEFAULT_LEVELS,
    )


@asynccontextmanager
async def _replaying(recording: Recording) -> AsyncGenerator[TollamaRuntime]:
    """Give a runtime whose daemon does what was recorded."""
    if "ConnectionRefused" in (recording.transport_error or ""):
        async with runtime_at(f"http://127.0.0.1:{unused_port()}") as runtime:
            yield runtime
        return
    handler: Handler = _hang_up
    if recording.status is not None:
        handler = replying(
            recording.received,
            status=recording.status,
            content_type=recording.content_type,
        )
    async with runtime_answered_by(handler) as runtime:
        yield runtime


async def _hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _kind(outcome: QuantileForecast | ForecastRuntimeError) -> str:
    if isinstance(outcome, RuntimeRefusedError) and outcome.is_input:
        return "refused, perhaps for a series"
    return _KINDS[type(outcome)]


async def _outcome(recording: Recording) -> str:
    async with _replaying(recording) as runtime:
        try:
            answers = await runtime.predict(_call_of(recording), timeout_s=TIMEOUT_S)
        except ForecastRuntimeError as exc:
            return _kind(exc)
    kinds = [_kind(answer) for answer in answers]
    return kinds[0] if len(set(kinds)) == 1 else " + ".join(kinds)


def test_every_recorded_forecast_has_its_outcome_written_down() -> None:
    written = set(_OUTCOMES)

    assert written == set(_RECORDINGS)


@pytest.mark.parametrize("name", sorted(_OUTCOMES))
async def test_recorded_answer_has_the_outcome_that_is_written_down(name: str) -> None:
    outcome = await _outcome(_RECORDINGS[name])

    assert outcome == _OUTCOMES[name]


@pytest.mark.parametrize("name", sorted(_OUTCOMES))
async def test_error_of_a_recorded_answer_repeats_no_text_of_the_daemon(
    name: str,
) -> None:
    recording = _RECORDINGS[name]
    message = ""

    async with _replaying(recording) as runtime:
        try:
            await runtime.predict(_call_of(recording), timeout_s=TIMEOUT_S)
        except ForecastRuntimeError as exc:
            message = str(exc)

    assert len(message) < 100
    for secret in ("Traceback", "File ", "<SRC>", "<VENV>", "input", "2026-"):
        assert secret not in message


@pytest.mark.parametrize("name", NAMES_BY_OUTCOME["forecast"])
async def test_forecast_holds_the_recorded_quantiles_of_its_own_series(
    name: str,
) -> None:
    recording = _RECORDINGS[name]
    call = _call_of(recording)
    recorded = {item["id"]: item for item in recording.response_body["forecasts"]}

    async with _replaying(recording) as runtime:
        answers = await runtime.predict(call, timeout_s=TIMEOUT_S)

    for series, answer in zip(call.series, answers, strict=True):
        assert isinstance(answer, QuantileForecast)
        columns = recorded[series.market_id]["quantiles"]
        expected = [columns[format(level, "g")] for level in call.quantile_levels]
        assert answer.values.T.tolist() == expected


async def test_recorded_model_list_is_read_whole() -> None:
    recording = recordings()["v1_models"]
    available = recording.response_body["available"]

    async with _replaying(recording) as runtime:
        models = await runtime.list_models(timeout_s=TIMEOUT_S)

    assert {model.name for model in models} == {item["name"] for item in available}
    by_name = {model.name: model for model in models}
    for item in available:
        model = by_name[item["name"]]
        assert model.is_installed == item["installed"]
        assert model.license_name == item["license"]["type"]
        assert model.revision == item["source"]["revision"]


@pytest.mark.parametrize("name", ["v1_health", "health_under_45_queued_forecasts"])
async def test_recorded_daemon_is_well(name: str) -> None:
    async with _replaying(recordings()[name]) as runtime:
        await runtime.check_health(timeout_s=TIMEOUT_S)


async def test_recorded_daemon_wants_its_key_for_its_health_too() -> None:
    async with _replaying(recordings()["auth_missing_health"]) as runtime:
        with pytest.raises(RuntimeRefusedError) as caught:
            await runtime.check_health(timeout_s=TIMEOUT_S)

    assert not caught.value.is_input
