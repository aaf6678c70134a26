"""One exchange with the system for an answer, where uvicorn makes two.

uvicorn hands head and body of an answer to the transport one after the other, and
uvloop sends each at once: two system calls, two packets, and a caller who is woken
twice. Joined, a hit of the cache costs a tenth less.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MANY_BYTES = 16 * 1024


class JoinedWrites:
    """A transport that sends what is written in one turn of the loop in one piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to ``transport``, and be like it in all else."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the other has
        """Return what the transport itself has under this name."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send the bytes at the end of the turn; at once when they are many.

        Only what is really written can tell a fast writer to wait for its reader.
        """
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        if len(data) > _MANY_BYTES:
            self._send()

    def writelines(self, pieces: Sequence[bytes]) -> None:
        """Send the pieces at the end of the turn."""
        self.write(b"".join(pieces))

    def close(self) -> None:
        """Send what is left, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._pieces and not self._transport.is_closing():
            self._transport.write(b"".join(self._pieces))
        self._pieces.clear()


def joined_http(**arguments: Any) -> asyncio.Protocol:  # noqa: ANN401 - uvicorn's own
    """Return uvicorn's HTTP protocol with joined writes; uvicorn calls it so."""
    protocol = HttpToolsProtocol(**arguments)
    begin = protocol.connection_made

    def connection_made(transport: asyncio.BaseTransport) -> None:
        joined = JoinedWrites(cast("asyncio.Transport", transport))
        begin(cast("asyncio.Transport", joined))

    protocol.connection_made = connection_made  # type: ignore[method-assign]
    return protocol
