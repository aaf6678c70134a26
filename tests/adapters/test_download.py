"""A document comes whole and in time, or there is one error that tells why."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tsfm_runner.adapters.download import fetch, public_name
from tsfm_runner.errors import UnreadableInputError

BODY = b"market_id,ts,price\n" * 1_000


async def _hang(_: web.Request) -> web.Response:
    await asyncio.sleep(600)
    return web.Response()


async def _drip(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse()
    await reply.prepare(request)
    await reply.write(b"market_id")
    await asyncio.sleep(600)
    return reply


async def _cut(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"Content-Length": "1000"})
    await reply.prepare(request)
    await reply.write(b"market_id")
    if request.transport is not None:
        request.transport.abort()
    return reply


async def _packed(_: web.Request) -> web.Response:
    packed = gzip.compress(bytes(10_000_000))
    return web.Response(body=packed, headers={"Content-Encoding": "gzip"})


def _answering(
    status: int, body: bytes = b""
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    return answer


@pytest.fixture
async def url() -> AsyncIterator[str]:
    site = web.Application()
    site.add_routes(
        [
            web.get("/whole", _answering(200, BODY)),
            web.get("/500", _answering(500)),
            web.get("/404", _answering(404)),
            web.get("/hang", _hang),
            web.get("/drip", _drip),
            web.get("/cut", _cut),
            web.get("/packed", _packed),
        ]
    )
    async with TestServer(site) as server:
        yield str(server.make_url("")).rstrip("/")


async def get(address: str, *, timeout_s: float = 10, max_bytes: int = 50_000) -> bytes:
    async with aiohttp.ClientSession() as session:
        return await fetch(session, address, timeout_s=timeout_s, max_bytes=max_bytes)


async def test_the_whole_body_is_returned(url: str) -> None:
    assert await get(f"{url}/whole") == BODY


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ("500", "/500 answered 500"),
        ("404", "/404 answered 404"),
        ("cut", "/cut cannot be fetched: ClientPayloadError"),
        ("packed", "/packed holds more than 50,000 bytes"),
    ],
)
async def test_what_is_no_document_is_told(url: str, route: str, told: str) -> None:
    with pytest.raises(UnreadableInputError, match=told):
        await get(f"{url}/{route}")


@pytest.mark.parametrize("route", ["hang", "drip"])
async def test_silence_ends_with_the_time_that_was_given(url: str, route: str) -> None:
    with pytest.raises(UnreadableInputError, match=f"/{route} took over 0.2 s"):
        await get(f"{url}/{route}", timeout_s=0.2)


async def test_a_body_as_large_as_allowed_is_taken_and_one_byte_more_is_not(
    url: str,
) -> None:
    assert await get(f"{url}/whole", max_bytes=len(BODY)) == BODY
    with pytest.raises(UnreadableInputError, match="holds more than"):
        await get(f"{url}/whole", max_bytes=len(BODY) - 1)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "http://", "http://[::"])
async def test_an_address_where_nobody_is_is_told(address: str) -> None:
    with pytest.raises(UnreadableInputError, match="cannot be fetched"):
        await get(address)


def test_secrets_in_an_address_are_not_told() -> None:
    told = public_name("https://desk:secret@markets.test:8443/now?key=secret#part")

    assert told == "https://markets.test:8443/now"
