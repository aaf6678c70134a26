"""One exchange with the daemon: bytes out, status and bytes back."""

import asyncio
import io
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aiohttp

from tsfm_runner.errors import (
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)

MAX_ANSWER_BYTES = 64 * 1024**2
_OK = 200
_NO_HEADERS: Mapping[str, str] = {}
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status."""

    status: int
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether the body is the answer that was asked for."""
        return self.status == _OK


@contextmanager
def translated_errors() -> Generator[None]:
    """Turn every error of the transport into one of ours.

    The messages name the kind of failure only: text of the transport may hold
    addresses and headers.
    """
    try:
        yield
    except TimeoutError as exc:
        raise RuntimeTimeoutError("tollama did not answer in time") from exc
    except aiohttp.InvalidURL as exc:
        msg = "tollama has no usable address"
        raise RuntimeRefusedError(msg, is_input=False) from exc
    except aiohttp.ClientResponseError as exc:
        msg = f"tollama does not speak HTTP: {type(exc).__name__}"
        raise RuntimeProtocolError(msg) from exc
    except (aiohttp.ClientError, OSError) as exc:
        msg = f"tollama could not be reached: {type(exc).__name__}"
        raise RuntimeUnavailableError(msg) from exc


@asynccontextmanager
async def time_limit(timeout_s: float) -> AsyncGenerator[None]:
    """Translate errors, and give up after ``timeout_s`` with a timeout of ours."""
    with translated_errors():
        async with asyncio.timeout(timeout_s):
            yield


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Reply:
    """Send one request and read the whole answer, up to 64 MiB."""
    kind = {"Content-Type": "application/json"} if body is not None else _NO_HEADERS
    headers = {**kind, **headers}
    # A file is written in pieces; aiohttp warns of large bodies that are not.
    data = io.BytesIO(body) if body is not None else None
    # A redirect would carry token and data to a place that nobody configured.
    async with session.request(
        method, path, data=data, headers=headers, allow_redirects=False
    ) as response:
        return Reply(response.status, await _read(response))


async def _read(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise RuntimeProtocolError("tollama sent more than 64 MiB")
    return bytes(answer)
