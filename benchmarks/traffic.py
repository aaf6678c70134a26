"""Requests of simulated markets, and clients that send them for a while."""

import asyncio
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec
import numpy as np
import typer
import uvloop

from harness import (
    HERE,
    OK,
    MeasurementError,
    Server,
    ask,
)
from tsfm_runner.cli.simulated_requests import requests_of, simulated_day

ROUTE = "/tsfm/forecast"
BATCH_ROUTE = "/tsfm/forecast/batch"
# A number of microseconds since 1970 takes its place and has as many digits.
PLACEHOLDER = "@" * 16

_END = datetime(2026, 1, 1, tzinfo=UTC)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

Client = Literal["auto", "wrk", "python"]


@dataclass(frozen=True, slots=True)
class Load:
    """What became of the requests of one measurement."""

    n_answers: int
    n_bad: int
    elapsed_s: float
    p50_ms: float
    p95_ms: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.n_answers / self.elapsed_s


class Sender(Protocol):
    """Keeps some connections busy for some seconds with requests in turn."""

    def __call__(
        self, url: str, bodies: Sequence[bytes], *, connections: int, seconds: float
    ) -> Load:
        """Send each body with a number of its own in place of the placeholder."""
        ...


@dataclass(frozen=True, slots=True)
class Cost:
    """What some load was answered with, and the CPU time of the server for it."""

    load: Load
    cpu_us: float


class Calls(NamedTuple):
    """Calls that a runtime has answered, and the series in them."""

    n_calls: int
    n_series: int


def bodies(n_markets: int, *, are_distinct: bool, seed: int = 1) -> list[bytes]:
    """Return request bodies, 288 points each; distinct ones hold the placeholder."""
    suffix = f"-{PLACEHOLDER}" if are_distinct else ""
    requests = requests_of(simulated_day(n_markets, seed=seed, end=_END))
    return [
        json.dumps(one | {"market_id": f"{one['market_id']}{suffix}"}).encode()
        for one in requests
    ]


def fresh(body: bytes) -> bytes:
    """Return the body with a number that no request has had."""
    return _numbered(body, time.time_ns() // 1_000)


def ask_for_band(server: Server, body: bytes) -> bytes:
    """Return the answer to a body, or raise ``MeasurementError`` without one."""
    answer = ask(server.url + ROUTE, fresh(body))
    if answer.status == OK and is_band(msgspec.json.decode(answer.body)["yhat_q"]):
        return answer.body
    raise MeasurementError(f"no band: {answer.status} {answer.body[:200]!r}")


def is_band(columns: Mapping[str, Sequence[float]]) -> bool:
    """Return whether the levels ascend within [0, 1] at every step."""
    ordered = [columns[key] for key in sorted(columns, key=float)]
    return len(ordered) > 1 and all(
        all(low <= high for low, high in pairwise((0.0, *step, 1.0)))
        for step in zip(*ordered, strict=True)
    )


def calls_of(runtime: Server | None) -> Calls:
    """Return what a ``runtime_server.py`` has done; nothing where there is none."""
    if runtime is None:
        return Calls(0, 0)
    counts = msgspec.json.decode(ask(f"{runtime.url}/counts").body)
    return Calls(counts["calls"], counts["series"])


def measure(
    server: Server, bodies: Sequence[bytes], send: Sender, *, load: tuple[int, float]
) -> Cost:
    """Load a server with so many connections for so many seconds.

    Raises ``MeasurementError`` when a request had no answer or another status than 200.
    """
    connections, seconds = load
    spent_s = server.cpu_s()
    answered = send(
        server.url + ROUTE, bodies, connections=connections, seconds=seconds
    )
    spent_s = server.cpu_s() - spent_s
    if answered.n_bad or not answered.n_answers:
        raise MeasurementError(
            f"{answered.n_bad} of {answered.n_answers} answers are bad"
        )
    return Cost(answered, 1e6 * spent_s / answered.n_answers)


def sender(client: Client) -> tuple[str, Sender]:
    """Return the client of that name and what it is called; wrk where there is one."""
    if client == "auto":
        client = "wrk" if shutil.which("wrk") else "python"
    if client == "wrk" and not shutil.which("wrk"):
        raise typer.BadParameter("wrk is not on the PATH")
    return {
        "wrk": ("wrk, 1 thread", send_with_wrk),
        "python": ("Python client on uvloop, 1 thread", send_with_python),
    }[client]


def send_with_wrk(
    url: str, bodies: Sequence[bytes], *, connections: int, seconds: float
) -> Load:
    """Send with wrk, which counts in whole seconds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "requests"
        path.write_bytes(b"\0".join(_raw(url, body) for body in bodies))
        first = time.time_ns() // 1_000
        command = (
            *("wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "30s"),
            *("--script", str(HERE / "requests.lua"), url, "--"),
            *(str(path), PLACEHOLDER, str(first)),
        )
        told = subprocess.run(  # noqa: S603 - wrk and a script of this repository
            command, check=True, capture_output=True, text=True
        )
    return Load(**json.loads(told.stdout.splitlines()[-1]))


def send_with_python(
    url: str, bodies: Sequence[bytes], *, connections: int, seconds: float
) -> Load:
    """Send with plain sockets in this process."""
    return uvloop.run(_send(url, bodies, connections, seconds))


async def _send(
    url: str, bodies: Sequence[bytes], connections: int, seconds: float
) -> Load:
    requests = _numbered_requests([_raw(url, body) for body in bodies])
    latencies_s: list[float] = []
    started_s = time.perf_counter()
    talks = [
        _talk(url, requests, started_s + seconds, latencies_s)
        for _ in range(connections)
    ]
    n_bad = sum(await asyncio.gather(*talks))
    elapsed_s = time.perf_counter() - started_s
    p50_s, p95_s = np.percentile(latencies_s or [np.nan], [50, 95])
    return Load(len(latencies_s), n_bad, elapsed_s, 1e3 * p50_s, 1e3 * p95_s)


async def _talk(
    url: str, requests: Iterator[bytes], until_s: float, latencies_s: list[float]
) -> int:
    """Send one request after the other; return how many went wrong."""
    parts = urlsplit(url)
    n_bad = 0
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while (sent_s := time.perf_counter()) < until_s:
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            latencies_s.append(time.perf_counter() - sent_s)
            n_bad += b" 200 " not in head[:15]
        writer.close()
    except (OSError, EOFError):
        return n_bad + 1
    return n_bad


def _numbered_requests(raw: Sequence[bytes]) -> Iterator[bytes]:
    for number in count(time.time_ns() // 1_000):
        yield _numbered(raw[number % len(raw)], number)


def _numbered(raw: bytes, number: int) -> bytes:
    return raw.replace(PLACEHOLDER.encode(), b"%016d" % number)


def _raw(url: str, body: bytes) -> bytes:
    """Write the request as it goes over the wire."""
    parts = urlsplit(url)
    lines = (
        f"POST {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
