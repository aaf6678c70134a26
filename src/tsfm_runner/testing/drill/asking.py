"""Ask the service over HTTP, and keep whatever came back."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp

ROUTE = "/tsfm/forecast"
QUANTILES = (0.1, 0.5, 0.9)
N_STEPS = 12


@dataclass(frozen=True, slots=True)
class Question:
    """One request: its own id, and the body in the words of the wire."""

    request_id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; ``status`` None: nothing, and ``error`` says why."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    latency_ms: float
    error: str = ""


class Questions:
    """Makes questions without end out of a few bodies."""

    def __init__(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Take the bodies, in the words of the wire."""
        self._bodies = bodies
        self._numbers: Iterator[int] = count()

    def new(self) -> Question:
        """Return a question about a market that nobody has asked about."""
        number = next(self._numbers)
        body = self._bodies[number % len(self._bodies)]
        asked = {"quantiles": list(QUANTILES), "horizon_steps": N_STEPS}
        return Question(
            f"drill-{number}", {**body, **asked, "market_id": f"market-{number}"}
        )

    def again(self, question: Question) -> Question:
        """Return a new question with the very body of an old one."""
        return Question(f"drill-{next(self._numbers)}", question.body)


async def ask(session: aiohttp.ClientSession, question: Question) -> Reply:
    """Send one question and wait for what comes back; never an error."""
    headers = {"X-Request-ID": question.request_id}
    started_s = time.perf_counter()
    try:
        async with session.post(ROUTE, json=question.body, headers=headers) as reply:
            body = await reply.read()
            status, got = reply.status, reply.headers
    except (aiohttp.ClientError, OSError) as failure:
        error = type(failure).__name__
        return Reply(None, {}, b"", _since_ms(started_s), error)
    return Reply(status, got, body, _since_ms(started_s))


def _since_ms(started_s: float) -> float:
    return 1_000 * (time.perf_counter() - started_s)
