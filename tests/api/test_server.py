"""What only a real server shows: sockets, chunks, callers that lie or leave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.api.wire import BATCH, FORECAST, a_request, in_memory, prices

from tsfm_runner.cli.serving import bind, running_service
from tsfm_runner.config import ServerConfig, Settings

_MIB = 1024**2
_PATIENCE_S = 30.0
_BODY = json.dumps(a_request()).encode()

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(**server: Any) -> AsyncIterator[int]:  # noqa: ANN401
    """Serve for real; give the port."""
    bound = bind("127.0.0.1", 0)
    settings = Settings(server=ServerConfig(**server))
    async with running_service(in_memory(settings), bound):
        yield bound.getsockname()[1]


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(*headers: str, route: str = FORECAST) -> bytes:
    lines = [f"POST {route} HTTP/1.1", "Host: here", *headers, "", ""]
    return "\r\n".join(lines).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer: its status, its headers and its body."""
    async with asyncio.timeout(_PATIENCE_S):
        raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = raw.strip().split("\r\n")
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in rest)
        }
        body = await reader.readexactly(int(headers["content-length"]))
    return int(first.split()[1]), headers, body


async def asked(port: int, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send the parts, one by one, and return the answer."""
    async with connected(port) as (reader, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await answer_of(reader)


async def test_chunked_request_is_answered() -> None:
    pieces = [chunk(_BODY[start : start + 7]) for start in range(0, len(_BODY), 7)]

    async with serving() as port:
        status, _, body = await asked(
            port, head("Transfer-Encoding: chunked"), *pieces, b"0\r\n\r\n"
        )

    assert status == 200
    assert json.loads(body)["market_id"] == "rain"


@pytest.mark.parametrize(("route", "limit_mib"), [(FORECAST, 4), (BATCH, 64)])
async def test_chunks_without_end_are_refused_at_the_limit(
    route: str, limit_mib: int
) -> None:
    opening = head("Transfer-Encoding: chunked", route=route)
    piece = chunk(b" " * _MIB)

    async with serving() as port:
        status, headers, body = await asked(port, opening, *[piece] * (limit_mib + 1))

    assert status == 413
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["code"] == "payload_too_large"


async def test_declared_length_above_the_limit_is_refused_before_the_body() -> None:
    async with serving() as port:
        status, headers, _ = await asked(port, head(f"Content-Length: {5 * _MIB}"))

    assert status == 413
    assert headers["x-request-id"]


@pytest.mark.parametrize(
    "lie",
    [
        [f"Content-Length: {len(_BODY) - 5}"],
        ["Content-Length: 0"],
        ["Content-Length: -1"],
        ["Content-Length: many"],
        ["Content-Length: " + "9" * 5_000],
        [f"Content-Length: {len(_BODY)}", "Content-Length: 3"],
        [f"Content-Length: {len(_BODY)}", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked"],
        ["Transfer-Encoding: gzip"],
    ],
    ids=lambda lie: lie[0][:30],
)
async def test_framing_that_lies_is_refused(lie: list[str]) -> None:
    async with serving() as port:
        status, _, _ = await asked(port, head(*lie) + _BODY)
        after, _, _ = await asked(port, head(f"Content-Length: {len(_BODY)}"), _BODY)

    assert 400 <= status < 500
    assert after == 200


async def test_caller_who_leaves_in_the_middle_is_no_error_of_ours(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with serving() as port:
        async with connected(port) as (_, writer):
            writer.write(head("Content-Length: 1000") + _BODY[:20])
            await writer.drain()
        await asked(port, head(f"Content-Length: {len(_BODY)}"), _BODY)

    told = capfd.readouterr()
    events = [json.loads(line)["event"] for line in told.err.splitlines()]
    assert events == ["started", "forecast", "stopped"]
    assert told.out == ""


async def test_slow_caller_keeps_nobody_waiting() -> None:
    good = (head(f"Content-Length: {len(_BODY)}"), _BODY)

    async with serving() as port, connected(port) as (reader, writer):
        writer.write(good[0] + _BODY[:10])
        await writer.drain()
        others = [await asked(port, *good) for _ in range(5)]
        writer.write(_BODY[10:])
        slow = await answer_of(reader)

    assert [status for status, _, _ in others] == [200] * 5
    assert slow[0] == 200


@pytest.mark.parametrize("route", [FORECAST, BATCH])
async def test_body_that_never_comes_is_waited_for_no_longer_than_its_time(
    route: str,
) -> None:
    opening = head(f"Content-Length: {len(_BODY)}", route=route)

    async with (
        serving(body_timeout_s=0.05) as port,
        connected(port) as (reader, writer),
    ):
        writer.write(opening + _BODY[:10])
        status, headers, body = await answer_of(reader)
        rest = await asyncio.wait_for(reader.read(), _PATIENCE_S)

    assert status == 408
    assert headers["connection"] == "close"
    assert json.loads(body)["code"] == "body_timeout"
    assert rest == b""


async def test_one_request_of_a_batch_may_be_no_larger_than_a_request_alone() -> None:
    large = a_request(y=prices(500))
    batch = json.dumps({"requests": [a_request(), large]}).encode()
    opening = head(f"Content-Length: {len(batch)}", route=BATCH)

    async with serving(max_body_bytes=2_000) as port:
        status, _, body = await asked(port, opening, batch)

    well, refused = json.loads(body)["results"]
    assert status == 200
    assert "result" in well
    assert (refused["error"]["status"], refused["error"]["code"]) == (
        413,
        "payload_too_large",
    )


async def test_large_batch_is_answered_beside_small_requests() -> None:
    many = [a_request(market_id=str(n), y=prices(2_000)) for n in range(300)]
    batch = json.dumps({"requests": many}).encode()

    async with serving() as port:
        large, small = await asyncio.gather(
            asked(port, head(f"Content-Length: {len(batch)}", route=BATCH), batch),
            asked(port, head(f"Content-Length: {len(_BODY)}"), _BODY),
        )

    assert small[0] == 200
    told = [item["result"]["market_id"] for item in json.loads(large[2])["results"]]
    assert told == [str(number) for number in range(300)]


async def test_two_requests_sent_at_once_are_answered_in_order() -> None:
    first, second = (
        json.dumps(a_request(market_id=name)).encode() for name in ("first", "second")
    )

    async with serving() as port, connected(port) as (reader, writer):
        for body in (first, second):
            writer.write(head(f"Content-Length: {len(body)}") + body)
        await writer.drain()
        answers = [await answer_of(reader), await answer_of(reader)]

    told = [json.loads(body)["market_id"] for _, _, body in answers]
    assert told == ["first", "second"]


async def test_line_breaks_in_a_header_add_no_header() -> None:
    opening = head("X-Request-ID: mine\r\n\tX-Injected: yes", "Content-Length: 0")

    async with serving() as port:
        status, headers, _ = await asked(port, opening)

    assert 400 <= status < 500
    assert "x-injected" not in headers
