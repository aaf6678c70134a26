"""The routes beside the forecast: models and health."""

import json

import pytest
from aiohttp import web
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    a_call,
    replying,
    runtime_answered_by,
)

from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeUnavailableError,
)


async def test_models_are_listed_once_with_licence_and_revision() -> None:
    listed = {
        "available": [
            {
                "name": "chronos2",
                "installed": True,
                "license": {"type": "apache-2.0", "accepted": True},
                "source": {"type": "huggingface", "revision": "main"},
            },
            {"name": "bare"},
        ],
        "installed": [{"name": "chronos2"}, {"name": "own", "license": None}],
    }

    async with runtime_answered_by(replying(json.dumps(listed).encode())) as runtime:
        models = await runtime.list_models(timeout_s=TIMEOUT_S)

    assert models == [
        RuntimeModel("chronos2", "main", "apache-2.0", is_installed=True),
        RuntimeModel("own", None, None, is_installed=True),
        RuntimeModel("bare", None, None, is_installed=False),
    ]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"available": [{"name": 7}]}'])
async def test_model_list_of_another_shape_breaks_the_protocol(body: bytes) -> None:
    async with runtime_answered_by(replying(body)) as runtime:
        with pytest.raises(RuntimeProtocolError):
            await runtime.list_models(timeout_s=TIMEOUT_S)


async def test_daemon_that_says_ok_is_well() -> None:
    async with runtime_answered_by(replying(b'{"status": "ok"}')) as runtime:
        await runtime.check_health(timeout_s=TIMEOUT_S)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"status": "starting"}', 200, RuntimeUnavailableError),
        (b'{"status": "ok"}', 503, RuntimeUnavailableError),
        (b"ok", 200, RuntimeProtocolError),
        (b"{}", 200, RuntimeProtocolError),
    ],
)
async def test_daemon_that_says_anything_else_is_not_well(
    body: bytes, status: int, error: type[ForecastRuntimeError]
) -> None:
    async with runtime_answered_by(replying(body, status=status)) as runtime:
        with pytest.raises(error) as caught:
            await runtime.check_health(timeout_s=TIMEOUT_S)

    assert caught.type is error


async def test_each_route_is_asked_where_the_daemon_has_it() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append((request.method, request.path))
        return web.json_response({"status": "ok", "forecasts": []})

    async with runtime_answered_by(handler) as runtime:
        await runtime.predict(a_call(), timeout_s=TIMEOUT_S)
        await runtime.list_models(timeout_s=TIMEOUT_S)
        await runtime.check_health(timeout_s=TIMEOUT_S)

    assert asked == [
        ("POST", "/v1/forecast"),
        ("GET", "/v1/models"),
        ("GET", "/v1/health"),
    ]


async def test_only_a_forecast_can_miss_its_model() -> None:
    body = b'{"detail": "model \'x\' is not installed"}'

    async with runtime_answered_by(replying(body, status=404)) as runtime:
        with pytest.raises(RuntimeRefusedError) as caught:
            await runtime.list_models(timeout_s=TIMEOUT_S)

    assert caught.type is RuntimeRefusedError
