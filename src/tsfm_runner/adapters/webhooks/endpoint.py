"""One post to an endpoint: signed, in time, and what its answer means."""

import asyncio
import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from tsfm_runner.adapters.webhooks.shapes import Message, Shape
from tsfm_runner.adapters.webhooks.signing import key_of, signed_headers
from tsfm_runner.config import WebhookConfig
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.errors import DeliveryError, DeliveryFailedError, DeliveryRefusedError
from tsfm_runner.ports import Clock

_MAX_ANSWER_BYTES = 4_096
_MAX_TOLD = 200
_LONGEST_READING_S = 1.0
_REFUSED = range(400, 500)
# They speak of the address, of who posts or of when, not of what was posted.
_MAY_PASS = frozenset({401, 403, 404, 405, 407, 408, 409, 421, 423, 425, 429})


def open_session() -> aiohttp.ClientSession:
    """Return the session in which everything is posted; the caller closes it."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": "tsfm-runner"},
    )


class HttpEndpoint:
    """A ``SignalReceiver`` behind an address: one exchange a call, no retries."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        config: WebhookConfig,
        shape: Shape,
        *,
        secrets: Sequence[str],
        now: Clock,
    ) -> None:
        """Post to the address of ``config``, signed with each of the secrets.

        ``now`` is the time that receivers hold the one in the signature against.
        """
        self._session, self._shape, self._now = session, shape, now
        self._url, self._timeout_s = str(config.url), config.timeout_s
        self._keys = tuple(key_of(secret) for secret in secrets)

    async def post(self, signals: Sequence[BreachSignal]) -> None:
        """Tell of signals in one post; raise ``DeliveryError`` if not taken."""
        await self.send(self._shape.message(signals))

    def payload(self, signal: BreachSignal) -> object:
        """Return the JSON that is posted of one signal."""
        return self._shape.payload(signal)

    async def send(self, message: Message) -> int:
        """Post a message and return the status; raise ``DeliveryError`` unless 2xx."""
        headers = {
            "Content-Type": message.content_type,
            **signed_headers(
                self._keys,
                message_id=message.id,
                sent_at_s=self._now(),
                body=message.body,
            ),
        }
        with _translated_errors():
            async with (
                asyncio.timeout(self._timeout_s) as limit,
                # A redirect would carry all this to where nobody configured.
                self._session.post(
                    self._url, data=message.body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                if answer.ok and answer.status < 300:  # noqa: PLR2004 - no redirect
                    return answer.status
                # What the status says holds, however slowly the rest comes.
                limit.reschedule(None)
                told = await _told(answer, min(self._timeout_s, _LONGEST_READING_S))
                failure = _failure(answer, told)
        raise failure


@contextmanager
def _translated_errors() -> Generator[None]:
    """Turn errors of the transport into ours, which name the kind only: no address."""
    try:
        yield
    except TimeoutError as exc:
        raise DeliveryFailedError("no answer in time") from exc
    except aiohttp.InvalidURL as exc:
        raise DeliveryFailedError("the address cannot be used") from exc
    except (aiohttp.ClientError, OSError) as exc:
        msg = f"not reached: {type(exc).__name__}"
        raise DeliveryFailedError(msg) from exc


async def _told(answer: aiohttp.ClientResponse, timeout_s: float) -> str:
    """Return the beginning of what the endpoint says, if that comes in time."""
    told = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(timeout_s):
            while len(told) < _MAX_ANSWER_BYTES:
                part = await answer.content.read(_MAX_ANSWER_BYTES - len(told))
                if not part:
                    break
                told += part
    text = " ".join(told.decode(errors="replace").split())
    return "".join(each for each in text if each.isprintable())[:_MAX_TOLD]


def _failure(answer: aiohttp.ClientResponse, told: str) -> DeliveryError:
    message = f"answered {answer.status}"
    if answer.status in _REFUSED and answer.status not in _MAY_PASS:
        return DeliveryRefusedError(message, status=answer.status, told=told)
    return DeliveryFailedError(
        message,
        status=answer.status,
        told=told,
        retry_after_s=_seconds(answer.headers.get("Retry-After")),
    )


def _seconds(retry_after: str | None) -> float | None:
    """Return how long to wait, told in seconds or as a date; None: not told."""
    if retry_after is None:
        return None
    with suppress(ValueError):
        seconds = float(retry_after)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    with suppress(ValueError):
        moment = parsedate_to_datetime(retry_after)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None
