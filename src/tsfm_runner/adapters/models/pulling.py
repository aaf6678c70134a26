"""Fetch an ONNX file and what is told of it, bounded in size."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from tsfm_runner.adapters.download import public_name
from tsfm_runner.adapters.models.companion import ENDING, Companion
from tsfm_runner.adapters.models.manifest import MAX_MANIFEST_BYTES
from tsfm_runner.errors import UnreadableInputError

_CHUNK_BYTES = 256 * 1024
_ABSENT = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}

TellBytes: TypeAlias = Callable[[int, int | None], None]
"""Told how many bytes have come, and how many there are, if that is known."""


def is_address(source: str) -> bool:
    """Whether a source is one that is fetched over HTTP."""
    return source.lower().startswith(("http://", "https://"))


async def fetch_companion(
    session: aiohttp.ClientSession, address: str
) -> Companion | None:
    """Return what is told beside an address, and None where nothing is.

    What anybody on the way could have changed tells nothing: but for this machine's
    own, only an address of https is believed, to its last redirection.
    """
    place = public_name(address) + ENDING
    with _translated(place):
        parts = urlsplit(address)
        beside = urlunsplit(parts._replace(path=parts.path + ENDING))
        async with session.get(beside) as reply:
            if reply.status in _ABSENT:
                return None
            _require_success(reply, place)
            if not all(is_trusted(str(one.url)) for one in (reply, *reply.history)):
                return None
            content = bytearray()
            async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
                content += chunk
                _require_small(len(content), place, max_bytes=MAX_MANIFEST_BYTES)
    return Companion.parse(bytes(content), place=place)


async def download(
    session: aiohttp.ClientSession,
    address: str,
    path: Path,
    *,
    max_bytes: int,
    tell: TellBytes,
) -> None:
    """Write what is found at an address into a file.

    Raises ``UnreadableInputError`` for any status but success, for silence, for more
    than ``max_bytes``, and for a connection that ends early. The message names the
    address without its secrets.
    """
    place, n_bytes = public_name(address), 0
    with _translated(place), path.open("wb") as file:
        async with session.get(address) as reply:
            _require_success(reply, place)
            n_all = reply.content_length
            _require_small(n_all or 0, place, max_bytes=max_bytes)
            async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
                n_bytes += len(chunk)
                _require_small(n_bytes, place, max_bytes=max_bytes)
                file.write(chunk)
                tell(n_bytes, n_all)


@contextmanager
def _translated(place: str) -> Generator[None]:
    try:
        yield
    except TimeoutError:
        raise UnreadableInputError(f"{place} says nothing any more") from None
    except (aiohttp.ClientError, ValueError) as exc:
        kind = type(exc).__name__
        raise UnreadableInputError(f"{place} cannot be fetched: {kind}") from exc


def _require_success(reply: aiohttp.ClientResponse, place: str) -> None:
    if not reply.ok:
        raise UnreadableInputError(f"{place} answered {reply.status}")


def _require_small(n_bytes: int, place: str, *, max_bytes: int) -> None:
    if n_bytes > max_bytes:
        raise UnreadableInputError(f"{place} holds more than {max_bytes:,} bytes")


def is_trusted(address: str) -> bool:
    """Whether nobody on the way could have changed what an address answers."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"
