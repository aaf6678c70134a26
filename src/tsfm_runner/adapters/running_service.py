"""A running service, as another process tells it what happened."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import aiohttp

from tsfm_runner.adapters.download import public_name
from tsfm_runner.errors import (
    ConfigurationError,
    LedgerUnavailableError,
    UnreadableInputError,
)

_TIMEOUT = aiohttp.ClientTimeout(total=60)
_UNAVAILABLE, _UNAUTHORIZED, _WRONG = 503, 401, (400, 413, 422)
_LONGEST_WAIT_S = 30.0


class Taken(NamedTuple):
    """How many observations were stored, and how many steps of bands they ended."""

    n_stored: int
    n_scored: int


class Busy(NamedTuple):
    """The service cannot store anything now, and why."""

    retry_after_s: float
    reason: str


class RunningService:
    """Sends observations to a service. One exchange a call; no retries."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Take a session whose token is already set, and the address of the service."""
        self._session = session
        self._url = f"{url.rstrip('/')}/tsfm/observations"

    async def observe(self, rows: Sequence[Mapping[str, Any]]) -> Taken | Busy:
        """Send observations in the words of the wire.

        Raises ``LedgerUnavailableError`` for silence and any answer that is none,
        ``ConfigurationError`` for a token that is not known, and
        ``UnreadableInputError`` where the service refuses what was sent.
        """
        place = public_name(self._url)
        with _translated_errors(place):
            async with self._session.post(
                self._url, json=rows, timeout=_TIMEOUT
            ) as reply:
                answer = await reply.json(content_type=None)
                if reply.ok:
                    return Taken(int(answer["stored"]), int(answer["scored"]))
                reason = f"{place} answered {reply.status}: {answer['detail']}"
                return _refusal(reply, reason)


def _refusal(reply: aiohttp.ClientResponse, reason: str) -> Busy:
    if reply.status == _UNAVAILABLE:
        wait_s = float(reply.headers.get("Retry-After", "1"))
        return Busy(min(wait_s, _LONGEST_WAIT_S), reason)
    if reply.status == _UNAUTHORIZED:
        raise ConfigurationError(f"{reason}; name its variable with --token-env")
    if reply.status in _WRONG:
        raise UnreadableInputError(reason)
    raise LedgerUnavailableError(reason)


@contextmanager
def _translated_errors(place: str) -> Generator[None]:
    try:
        yield
    except TimeoutError as exc:
        raise LedgerUnavailableError(f"{place} did not answer in time") from exc
    except aiohttp.ClientError as exc:
        kind = type(exc).__name__
        raise LedgerUnavailableError(f"{place} cannot be reached: {kind}") from exc
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise LedgerUnavailableError(f"{place} is no TSFM Runner") from exc
