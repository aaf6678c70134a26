"""Send pieces of bytes through a pipe, each behind its length."""

from typing import BinaryIO

_LENGTH_BYTES = 8


def send(stream: BinaryIO, content: bytes) -> None:
    """Write one piece; raise ``OSError`` where nobody reads."""
    stream.write(len(content).to_bytes(_LENGTH_BYTES, "little"))
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Wait for one piece; raise ``EOFError`` where no more comes, or half of one."""
    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "little")
    return _exactly(stream, length)


def _exactly(stream: BinaryIO, n_bytes: int) -> bytes:
    content = stream.read(n_bytes)
    if len(content) < n_bytes:
        raise EOFError
    return content
