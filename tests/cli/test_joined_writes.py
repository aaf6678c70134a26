import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest
from tests.cli.processes import serving
from uvicorn import Config
from uvicorn.server import ServerState

from tsfm_runner.cli.joined_writes import JoinedWrites, joined_http

Send = Callable[[dict[str, Any]], Awaitable[None]]

ASK = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """Remembers what was written, piece by piece; the other side may close it."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """Take any limits."""


async def next_turn() -> None:
    await asyncio.sleep(0)


async def test_what_is_written_in_one_turn_leaves_as_one_piece_at_its_end() -> None:
    transport = FakeTransport()
    joined = JoinedWrites(transport)

    joined.write(b"head, ")
    joined.write(b"body, ")
    joined.writelines([b"and ", b"more"])
    before = list(transport.pieces)
    await next_turn()

    assert before == []
    assert transport.pieces == [b"head, body, and more"]


async def test_many_bytes_leave_at_once_with_what_came_before_them() -> None:
    transport = FakeTransport()
    joined = JoinedWrites(transport)
    many = b"." * (16 * 1024 + 1)

    joined.write(b"head")
    joined.write(many)
    at_once = list(transport.pieces)
    joined.write(b"tail")
    await next_turn()

    assert at_once == [b"head" + many]
    assert transport.pieces == [b"head" + many, b"tail"]


async def test_each_turn_sends_its_own_piece() -> None:
    transport = FakeTransport()
    joined = JoinedWrites(transport)

    for data in (b"one", b"two"):
        joined.write(data)
        await next_turn()
    await next_turn()

    assert transport.pieces == [b"one", b"two"]


async def test_what_is_left_is_sent_before_the_transport_closes() -> None:
    transport = FakeTransport()
    joined = JoinedWrites(transport)

    joined.write(b"the last ")
    joined.write(b"words")
    joined.close()
    at_once = list(transport.pieces)
    await next_turn()

    assert transport.is_closed
    assert at_once == [b"the last words"]
    assert transport.pieces == at_once


@pytest.mark.parametrize("closes", [FakeTransport.close, FakeTransport.abort])
async def test_nothing_is_sent_once_the_other_side_is_gone(
    closes: Callable[[FakeTransport], None],
) -> None:
    transport = FakeTransport()
    joined = JoinedWrites(transport)

    joined.write(b"too late")
    closes(transport)
    await next_turn()
    joined.write(b"much too late")
    joined.close()

    assert transport.pieces == []


async def test_with_nothing_left_to_send_it_only_closes() -> None:
    transport = FakeTransport()

    JoinedWrites(transport).close()

    assert transport.is_closed
    assert transport.pieces == []


async def test_in_all_else_it_is_the_transport_itself() -> None:
    transport = FakeTransport()
    joined = JoinedWrites(transport)

    transport.close()

    assert joined.is_closing()
    assert joined.get_extra_info == transport.get_extra_info
    with pytest.raises(AttributeError):
        joined.no_such_thing  # noqa: B018


async def written_by(*bodies: bytes, requests: Sequence[bytes]) -> FakeTransport:
    """Return the transport after an application has answered these requests."""

    async def answer(_: object, receive: object, send: Send) -> None:
        assert receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number, body in enumerate(bodies, start=1):
            more = number < len(bodies)
            message = {"type": "http.response.body", "body": body, "more_body": more}
            await send(message)
            if more:
                await next_turn()
                await next_turn()

    config = Config(cast("Any", answer), log_config=None)
    config.load()
    protocol = joined_http(config=config, server_state=ServerState(), app_state={})
    transport = FakeTransport()
    protocol.connection_made(transport)
    for request in requests:
        protocol.data_received(request)
    for _ in range(20):
        await next_turn()
    protocol.connection_lost(ConnectionResetError())
    return transport


async def test_head_and_body_of_an_answer_are_one_piece() -> None:
    transport = await written_by(b"all of it", requests=[ASK])

    [piece] = transport.pieces
    assert piece.startswith(b"HTTP/1.1 200 OK\r\n")
    assert piece.endswith(b"all of it\r\n0\r\n\r\n")
    assert not transport.is_closed


async def test_what_is_streamed_is_not_held_until_its_end() -> None:
    transport = await written_by(b"first line", b"second line", requests=[ASK])

    first, second = transport.pieces
    assert first.endswith(b"first line\r\n")
    assert second.endswith(b"second line\r\n0\r\n\r\n")


async def test_the_answer_of_a_caller_who_wants_no_more_is_whole() -> None:
    last = ASK.replace(b"Host: here", b"Host: here\r\nConnection: close")

    transport = await written_by(b"all of it", requests=[last])

    [piece] = transport.pieces
    assert piece.endswith(b"all of it\r\n0\r\n\r\n")
    assert transport.is_closed


async def test_a_request_that_is_none_is_told_so_before_the_end() -> None:
    transport = await written_by(b"never", requests=[b"no request at all\r\n\r\n"])

    [piece] = transport.pieces
    assert piece.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert transport.is_closed


def test_a_caller_is_woken_once_for_head_and_body() -> None:
    with serving() as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as caller:
            pieces = []
            for _ in range(20):
                caller.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n")
                pieces.append(caller.recv(65_536))

    for piece in pieces:
        head, _, body = piece.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert json.loads(body)
