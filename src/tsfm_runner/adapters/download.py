"""Fetch a document over HTTP: one exchange, bounded in time and in size."""

from urllib.parse import urlsplit

import aiohttp

from tsfm_runner.errors import UnreadableInputError

_CHUNK_BYTES = 256 * 1024


async def fetch(
    session: aiohttp.ClientSession, address: str, *, timeout_s: float, max_bytes: int
) -> bytes:
    """Return the body that is found at an address.

    Raises ``UnreadableInputError`` for any status but success, for silence, and for
    a body that is larger than ``max_bytes`` once it is unpacked. The message names
    the address without user, password and query, which may hold secrets.
    """
    place = public_name(address)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.get(address, timeout=timeout) as reply:
            if not reply.ok:
                raise UnreadableInputError(f"{place} answered {reply.status}")
            return await _body(reply, place=place, max_bytes=max_bytes)
    except TimeoutError as exc:
        raise UnreadableInputError(f"{place} took over {timeout_s:.3g} s") from exc
    except (aiohttp.ClientError, ValueError) as exc:
        kind = type(exc).__name__
        raise UnreadableInputError(f"{place} cannot be fetched: {kind}") from exc


async def _body(reply: aiohttp.ClientResponse, *, place: str, max_bytes: int) -> bytes:
    parts = bytearray()
    async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
        parts += chunk
        if len(parts) > max_bytes:
            raise UnreadableInputError(f"{place} holds more than {max_bytes:,} bytes")
    return bytes(parts)


def public_name(address: str) -> str:
    """Return the address without user, password and query."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
