"""A file comes whole or not at all, and what nobody vouches for tells nothing."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from tests.adapters.models.graphs import model_bytes

from tsfm_runner.adapters.models.companion import Companion
from tsfm_runner.adapters.models.pulling import (
    download,
    fetch_companion,
    is_address,
    is_trusted,
)
from tsfm_runner.adapters.models.store import sha256_of
from tsfm_runner.errors import UnreadableInputError

WHOLE = model_bytes()
TOLD = f'{{"sha256": "{sha256_of(WHOLE)}", "name": "theirs"}}'.encode()
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answering(status: int, body: bytes = b"") -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"Content-Length": str(len(WHOLE))})
    await reply.prepare(request)
    await reply.write(WHOLE[:100])
    if request.transport is not None:
        request.transport.abort()
    return reply


async def endless(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse()
    await reply.prepare(request)
    for _ in range(1_000):
        await reply.write(bytes(10_000))
    return reply


async def moved(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/whole.onnx"})


@pytest.fixture
async def url() -> AsyncIterator[str]:
    site = web.Application()
    site.add_routes(
        [
            web.get("/whole.onnx", answering(200, WHOLE)),
            web.get("/whole.onnx.json", answering(200, TOLD)),
            web.get("/moved.onnx", moved),
            web.get("/moved.onnx.json", moved),
            web.get("/500.onnx", answering(500)),
            web.get("/500.onnx.json", answering(500)),
            web.get("/403.onnx.json", answering(403)),
            web.get("/page.onnx.json", answering(200, b"<html>")),
            web.get("/large.onnx.json", answering(200, bytes(2_000_000))),
            web.get("/cut.onnx", cut),
            web.get("/cut.onnx.json", cut),
            web.get("/endless.onnx", endless),
        ]
    )
    async with TestServer(site) as server:
        yield str(server.make_url("")).rstrip("/")


async def get(address: str, path: Path, *, max_bytes: int = 50_000) -> list[object]:
    """Download, and return how far it was told to be."""
    told: list[object] = []
    async with aiohttp.ClientSession() as session:
        await download(
            session,
            address,
            path,
            max_bytes=max_bytes,
            tell=lambda n, n_all: told.append((n, n_all)),
        )
    return told


async def companion_of(address: str) -> Companion | None:
    async with aiohttp.ClientSession() as session:
        return await fetch_companion(session, address)


@pytest.mark.parametrize("name", ["whole", "moved"])
async def test_the_whole_file_comes_and_tells_how_far_it_is(
    url: str, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "model.onnx"

    told = await get(f"{url}/{name}.onnx?token=secret", path)

    assert path.read_bytes() == WHOLE
    assert told[-1] == (len(WHOLE), len(WHOLE))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("404.onnx", "404.onnx answered 404"),
        ("500.onnx", "500.onnx answered 500"),
        ("cut.onnx", "cut.onnx cannot be fetched: ClientPayloadError"),
        ("endless.onnx", "endless.onnx holds more than 50,000 bytes"),
    ],
)
async def test_what_does_not_come_whole_is_told(
    url: str, tmp_path: Path, name: str, told: str
) -> None:
    address = url.replace("://", "://me:secret@")

    with pytest.raises(UnreadableInputError) as caught:
        await get(f"{address}/{name}?token=secret", tmp_path / "model.onnx")

    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_file_that_says_that_it_is_too_large_is_not_fetched(
    url: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"

    with pytest.raises(UnreadableInputError, match="holds more than 99 bytes"):
        await get(f"{url}/whole.onnx", path, max_bytes=99)

    assert path.read_bytes() == b""


async def test_nobody_at_the_address_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="cannot be fetched: Client"):
        await get("http://127.0.0.1:1/model.onnx", tmp_path / "model.onnx")


async def test_silence_is_told(url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=1e-6)

    async with aiohttp.ClientSession(timeout=timeout) as session:
        with pytest.raises(UnreadableInputError, match="says nothing any more"):
            await fetch_companion(session, f"{url}/whole.onnx")


async def test_what_is_told_stands_beside_the_file(url: str) -> None:
    found = await companion_of(f"{url}/whole.onnx?token=secret")

    assert found is not None
    assert found.sha256 == sha256_of(WHOLE)
    assert found.said() == {"name": "theirs"}


class _Here(AbstractResolver):
    """Finds every host at this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: int = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("name", ["whole", "moved"])
async def test_what_others_could_have_changed_on_the_way_tells_nothing(
    url: str, name: str
) -> None:
    address = url.replace("127.0.0.1", "models.example")
    connector = aiohttp.TCPConnector(resolver=_Here())

    async with aiohttp.ClientSession(connector=connector) as session:
        assert await fetch_companion(session, f"{address}/{name}.onnx") is None


@pytest.mark.parametrize("name", ["404", "403"])
async def test_nothing_need_be_told(url: str, name: str) -> None:
    assert await companion_of(f"{url}/{name}.onnx") is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("500", "500.onnx.json answered 500"),
        ("page", "page.onnx.json: "),
        ("large", "large.onnx.json holds more than"),
        ("cut", "cut.onnx.json cannot be fetched"),
    ],
)
async def test_what_is_told_wrongly_is_refused(url: str, name: str, told: str) -> None:
    with pytest.raises(UnreadableInputError, match=told):
        await companion_of(f"{url}/{name}.onnx")


@pytest.mark.parametrize(
    ("address", "trusts"),
    [
        ("https://models.example/my.onnx", True),
        ("http://models.example/my.onnx", False),
        ("http://127.0.0.1:8080/my.onnx", True),
        ("http://[::1]/my.onnx", True),
        ("http://localhost/my.onnx", True),
        ("http://10.0.0.1/my.onnx", False),
        ("http:///my.onnx", False),
    ],
)
def test_only_https_and_this_machine_are_believed(
    address: str, *, trusts: bool
) -> None:
    assert is_trusted(address) is trusts


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://models.example/my.onnx", True),
        ("HTTP://models.example/my.onnx", True),
        ("ftp://models.example/my.onnx", False),
        ("my.onnx", False),
        ("chronos2", False),
    ],
)
def test_addresses_are_told_from_files(source: str, *, expected: bool) -> None:
    assert is_address(source) is expected
