"""What the daemon says it accepts, in every generation and in disguise."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    HandClock,
    Handler,
    a_call,
    a_series,
    an_answer,
    replying,
    runtime_at,
    serving,
)

from tsfm_runner.adapters.tollama.dialect import MINIMAL, read_dialect
from tsfm_runner.domain.forecast import QuantileForecast
from tsfm_runner.errors import ForecastRuntimeError, RuntimeRefusedError
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

_OPTIONAL = {"timeout", "options"}
_COVARIATES = {"past_covariates", "future_covariates"}
_CALL = a_call(
    a_series(
        "a",
        past_covariates={"v": a_series().context},
        future_covariates={"v": a_series().context[:3]},
    ),
    params={"temperature": 1},
)


def _document(schema: object, **components: object) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    operation = {"post": {"requestBody": {"content": content}}}
    return {
        "paths": {"/v1/forecast": operation},
        "components": {"schemas": components},
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_SERIES: dict[str, Any] = {"properties": {"id": {}, "past_covariates": {}}}


@pytest.mark.parametrize(
    "document",
    [
        _document(
            {"properties": {"timeout": {}, "series": {"items": _SERIES}}},
        ),
        _document(
            _reference("Body"),
            Body={"properties": {"timeout": {}, "series": {"items": _reference("S")}}},
            S=_SERIES,
        ),
        _document(
            {"allOf": [_reference("Base"), {"properties": {"timeout": {}}}]},
            Base={
                "properties": {
                    "series": {
                        "anyOf": [
                            {"type": "array", "items": {"oneOf": [_reference("S")]}},
                            {"type": "null"},
                        ]
                    }
                }
            },
            S=_SERIES,
        ),
    ],
    ids=["inline", "references", "alternatives"],
)
def test_keys_are_found_behind_references(document: dict[str, Any]) -> None:
    dialect = read_dialect(document)

    assert dialect.body_keys == {"timeout", "series"}
    assert dialect.series_keys == {"id", "past_covariates"}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "openapi",
        {},
        {"paths": []},
        {"paths": {"/v1/forecast": {"get": {}}}},
        _document(None),
        _document(_reference("Absent")),
        _document({"$ref": 7}),
        _document({"$ref": "https://elsewhere/schema.json"}),
        _document({"properties": []}),
        _document(_reference("Loop"), Loop=_reference("Loop")),
        _document({"allOf": 7, "anyOf": [None, 1]}),
    ],
)
def test_document_of_another_shape_gives_the_minimal_dialect(document: object) -> None:
    assert read_dialect(document) == MINIMAL


def test_schema_that_holds_itself_is_read_once_and_for_all() -> None:
    loop = {"properties": {"timeout": {}}, "anyOf": [_reference("Loop")] * 2}

    dialect = read_dialect(_document(_reference("Loop"), Loop=loop))

    assert dialect.body_keys == {"timeout"}


@pytest.mark.parametrize("generation", range(8))
async def test_every_generation_answers_and_says_what_it_was_not_sent(
    generation: int,
) -> None:
    options = FakeTollamaOptions(generation=generation)

    async with running_fake_tollama(options) as url, runtime_at(url) as runtime:
        (answer,) = await runtime.predict(_CALL, timeout_s=TIMEOUT_S)

    assert isinstance(answer, QuantileForecast)
    assert ("covariates_not_sent" in answer.warnings) == (generation < 2)
    assert "params_not_sent" not in answer.warnings


class _Daemon:
    """Remembers what it was sent; its description can be changed."""

    def __init__(self, openapi: Handler) -> None:
        self.openapi = openapi
        self.forbidden: set[str] = set()
        self.descriptions = 0
        self.sent_keys: list[set[str]] = []

    async def describe(self, request: web.Request) -> web.StreamResponse:
        self.descriptions += 1
        return await self.openapi(request)

    async def forecast(self, request: web.Request) -> web.StreamResponse:
        keys = set(await request.json())
        self.sent_keys.append(keys & _OPTIONAL)
        extra = [
            {"type": "extra_forbidden", "loc": ["body", key]}
            for key in keys & self.forbidden
        ]
        if extra:
            return web.json_response({"detail": extra}, status=400)
        return web.json_response(an_answer("a"))


def _describing() -> Handler:
    document = _document({"properties": {"timeout": {}, "options": {}}})
    return replying(json.dumps(document).encode())


async def test_daemon_is_asked_once_and_remembered() -> None:
    daemon = _Daemon(_describing())

    async with (
        serving(daemon.forecast, openapi=daemon.describe) as url,
        runtime_at(url) as runtime,
    ):
        for _ in range(3):
            await runtime.predict(_CALL, timeout_s=TIMEOUT_S)

    assert daemon.descriptions == 1
    assert daemon.sent_keys == [_OPTIONAL] * 3


async def test_nothing_is_asked_before_the_first_forecast() -> None:
    daemon = _Daemon(_describing())

    async with (
        serving(daemon.forecast, openapi=daemon.describe) as url,
        runtime_at(url),
    ):
        pass

    assert daemon.descriptions == 0


@pytest.mark.parametrize(
    "openapi",
    [
        replying(b'{"detail": "missing bearer token"}', status=401),
        replying(b"down", status=503),
    ],
)
async def test_failed_detection_sends_the_minimum_and_is_tried_again_later(
    openapi: Handler,
) -> None:
    daemon, clock = _Daemon(openapi), HandClock()

    async with (
        serving(daemon.forecast, openapi=daemon.describe) as url,
        runtime_at(url, clock=clock) as runtime,
    ):
        await runtime.predict(_CALL, timeout_s=TIMEOUT_S)
        daemon.openapi = _describing()
        await runtime.predict(_CALL, timeout_s=TIMEOUT_S)
        clock.now_s = 30
        await runtime.predict(_CALL, timeout_s=TIMEOUT_S)

    assert daemon.descriptions == 2
    assert daemon.sent_keys == [set(), set(), _OPTIONAL]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"[" * 100_000, b""])
async def test_description_that_cannot_be_read_gives_the_minimum(body: bytes) -> None:
    daemon = _Daemon(replying(body))

    async with (
        serving(daemon.forecast, openapi=daemon.describe) as url,
        runtime_at(url) as runtime,
    ):
        await runtime.predict(_CALL, timeout_s=TIMEOUT_S)

    assert daemon.sent_keys == [set()]


async def test_slow_description_leaves_most_of_the_time_to_the_forecast() -> None:
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    daemon = _Daemon(silent)
    async with (
        serving(daemon.forecast, openapi=daemon.describe) as url,
        runtime_at(url) as runtime,
    ):
        (answer,) = await runtime.predict(_CALL, timeout_s=0.4)
        released.set()

    assert isinstance(answer, QuantileForecast)
    assert answer.warnings == ("covariates_not_sent", "params_not_sent")


async def test_daemon_that_forbids_a_key_is_sent_the_minimum_for_a_while() -> None:
    daemon, clock = _Daemon(_describing()), HandClock()

    async with (
        serving(daemon.forecast, openapi=daemon.describe) as url,
        runtime_at(url, clock=clock) as runtime,
    ):
        await runtime.predict(_CALL, timeout_s=TIMEOUT_S)
        daemon.forbidden = {"timeout"}
        with pytest.raises(RuntimeRefusedError) as caught:
            await runtime.predict(_CALL, timeout_s=TIMEOUT_S)
        await runtime.predict(_CALL, timeout_s=TIMEOUT_S)
        daemon.forbidden = set()
        clock.now_s = 30
        await runtime.predict(_CALL, timeout_s=TIMEOUT_S)

    assert not caught.value.is_input
    assert daemon.sent_keys == [_OPTIONAL, _OPTIONAL, set(), _OPTIONAL]


async def test_other_refusals_do_not_make_it_forget() -> None:
    daemon = _Daemon(_describing())
    statuses = iter([400, 404, 500])

    async def refuse(request: web.Request) -> web.StreamResponse:
        await daemon.forecast(request)
        return web.json_response({"detail": "no"}, status=next(statuses))

    async with (
        serving(refuse, openapi=daemon.describe) as url,
        runtime_at(url) as runtime,
    ):
        for _ in range(3):
            with pytest.raises(ForecastRuntimeError):
                await runtime.predict(_CALL, timeout_s=TIMEOUT_S)

    assert daemon.sent_keys == [_OPTIONAL] * 3
    assert daemon.descriptions == 1
