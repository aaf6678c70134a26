"""The transport: every foreign error, silence, and connections that break."""

import asyncio
import gzip
import json
import ssl
import traceback
from collections.abc import Iterator

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    Handler,
    a_call,
    a_series,
    an_answer,
    runtime_answered_by,
    runtime_at,
    serving,
)
from yarl import URL

from tsfm_runner.adapters.tollama.exchange import MAX_ANSWER_BYTES, translated_errors
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)

_TOKEN = "a-token-that-nobody-may-see"


def _subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


_FOREIGN = sorted(
    {
        *_subclasses(aiohttp.ClientError),
        *_subclasses(ConnectionError),
        TimeoutError,
        asyncio.TimeoutError,
        OSError,
        ssl.SSLError,
    },
    key=lambda kind: kind.__qualname__,
)


@pytest.mark.parametrize("kind", _FOREIGN, ids=lambda kind: kind.__qualname__)
def test_every_error_of_the_transport_becomes_one_of_ours(
    kind: type[BaseException],
) -> None:
    foreign = kind.__new__(kind)

    with pytest.raises(ForecastRuntimeError) as caught, translated_errors():
        raise foreign

    assert caught.value.__cause__ is foreign


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        (TimeoutError, RuntimeTimeoutError),
        (aiohttp.ServerTimeoutError, RuntimeTimeoutError),
        (aiohttp.ConnectionTimeoutError, RuntimeTimeoutError),
        (aiohttp.SocketTimeoutError, RuntimeTimeoutError),
        (aiohttp.ServerDisconnectedError, RuntimeUnavailableError),
        (aiohttp.ClientConnectorError, RuntimeUnavailableError),
        (aiohttp.ClientConnectorDNSError, RuntimeUnavailableError),
        (aiohttp.ClientPayloadError, RuntimeUnavailableError),
        (ConnectionResetError, RuntimeUnavailableError),
        (aiohttp.ClientResponseError, RuntimeProtocolError),
        (aiohttp.TooManyRedirects, RuntimeProtocolError),
        (aiohttp.InvalidURL, RuntimeRefusedError),
    ],
)
def test_kind_of_error_says_what_went_wrong(
    kind: type[BaseException], ours: type[ForecastRuntimeError]
) -> None:
    with pytest.raises(ForecastRuntimeError) as caught, translated_errors():
        raise kind.__new__(kind)

    assert caught.type is ours


@pytest.mark.parametrize("kind", [ValueError, KeyError, TypeError, RuntimeError])
def test_mistakes_of_our_own_are_not_disguised(kind: type[Exception]) -> None:
    with pytest.raises(kind), translated_errors():
        raise kind


async def _failure(
    handler: Handler, *, timeout_s: float = TIMEOUT_S
) -> ForecastRuntimeError:
    async with runtime_answered_by(handler) as runtime:
        with pytest.raises(ForecastRuntimeError) as caught:
            await runtime.predict(a_call(), timeout_s=timeout_s)
    return caught.value


async def test_connection_that_is_dropped_is_unavailable() -> None:
    async def drop(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    failure = await _failure(drop)

    assert type(failure) is RuntimeUnavailableError


async def test_answer_that_breaks_off_is_unavailable() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b'{"forecasts": [')
        assert request.transport is not None
        request.transport.abort()
        return response

    failure = await _failure(break_off)

    assert type(failure) is RuntimeUnavailableError


async def test_broken_gzip_is_unavailable() -> None:
    async def garbled(_: web.Request) -> web.Response:
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=b"this is no gzip", headers=headers)

    failure = await _failure(garbled)

    assert type(failure) is RuntimeUnavailableError


async def test_good_gzip_is_read() -> None:
    async def packed(_: web.Request) -> web.Response:
        body = gzip.compress(json.dumps(an_answer("a")).encode())
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with runtime_answered_by(packed) as runtime:
        answers = await runtime.predict(a_call(), timeout_s=TIMEOUT_S)

    assert not isinstance(answers[0], ForecastRuntimeError)


async def test_something_that_is_not_http_breaks_the_protocol() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 smtp.example.org ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async with server, runtime_at(f"http://127.0.0.1:{port}") as runtime:
        with pytest.raises(RuntimeProtocolError):
            await runtime.predict(a_call(), timeout_s=TIMEOUT_S)


async def test_answer_without_end_is_cut_off() -> None:
    piece = b" " * 2**20

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(MAX_ANSWER_BYTES // len(piece) + 2):
            await response.write(piece)
        return response

    failure = await _failure(endless, timeout_s=30)

    assert type(failure) is RuntimeProtocolError
    assert "64 MiB" in str(failure)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    followed = []

    async def elsewhere(request: web.Request) -> web.Response:
        if request.path == "/elsewhere":
            followed.append(request.headers)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    failure = await _failure(elsewhere)

    assert type(failure) is RuntimeProtocolError
    assert followed == []


async def test_token_is_sent_and_never_told() -> None:
    sent = []

    async def refuse(request: web.Request) -> web.Response:
        sent.append(request.headers.get("Authorization"))
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(refuse) as url, runtime_at(url, token=_TOKEN) as runtime:
        with pytest.raises(RuntimeUnavailableError) as caught:
            await runtime.predict(a_call(), timeout_s=TIMEOUT_S)

    assert sent == [f"Bearer {_TOKEN}"]
    assert _TOKEN not in "".join(traceback.format_exception(caught.value))


async def test_prefix_of_the_base_url_is_kept() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(an_answer("a"))

    async with (
        serving(handler) as url,
        runtime_at(str(URL(url) / "behind/proxy")) as runtime,
    ):
        await runtime.predict(a_call(), timeout_s=TIMEOUT_S)

    assert asked == ["/behind/proxy/openapi.json", "/behind/proxy/v1/forecast"]


async def test_large_request_is_sent_with_its_length() -> None:
    lengths = []
    series = a_series(context=np.linspace(0, 1, 20_000))

    async def handler(request: web.Request) -> web.Response:
        lengths.append((request.content_length, len(await request.read())))
        return web.json_response(an_answer("a#1", "a#2"))

    async with runtime_answered_by(handler) as runtime:
        await runtime.predict(a_call(series, series), timeout_s=TIMEOUT_S)

    ((told, sent),) = lengths
    assert told == sent > 2**20


async def test_cookies_of_the_daemon_are_not_kept() -> None:
    cookies = []

    async def baking(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        response = web.json_response(an_answer("a"))
        response.set_cookie("session", "1")
        return response

    async with (
        serving(baking) as url,
        # Cookies of a bare address would never be kept.
        runtime_at(url.replace("127.0.0.1", "localhost")) as runtime,
    ):
        await runtime.predict(a_call(), timeout_s=TIMEOUT_S)
        await runtime.predict(a_call(), timeout_s=TIMEOUT_S)

    assert cookies == [None, None]
