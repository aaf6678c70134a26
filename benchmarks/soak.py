"""A long load with a fault of the runtime every few seconds, and what was answered.

The service stands before the double of the tollama daemon in a process of its own,
which is killed, stopped, and has each of its faults in turn. Requests are sent at a
fixed rate, however slow the answers; half of them repeat, half were never seen
before. Every answer is held against what callers are promised.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Annotated

import aiohttp
import msgspec
import numpy as np
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from daemon import KINDS, Daemon
from harness import (
    OK,
    Server,
    machine,
    run,
    spread,
    tsfm_runner,
    wide_console,
)
from traffic import ROUTE, bodies, fresh, is_band

SHED = 503
MODEL = "(model)"
LEVELS = {"0.1", "0.5", "0.9"}
N_STEPS = 12
N_BODIES = 100

_TICK_S = 0.01
_ANSWER_S = 15.0
# Below the 5 s after which the service drops an idle connection.
_KEEPALIVE_S = 3.0
_LAST_RECOVERY_S = 60.0
_SHOWN = 5


class Meta(msgspec.Struct):
    """The part of an answer's provenance that is looked at."""

    runtime: str
    fallback_used: bool
    fallback_reason: str | None
    cache_hit: bool = False


class Band(msgspec.Struct):
    """The part of an answer that is looked at."""

    yhat_q: dict[str, list[float]]
    meta: Meta


@dataclass(frozen=True, slots=True)
class Faults:
    """How many faults come, how far apart, and how long each lasts."""

    number: int
    every_s: float
    fault_s: float
    seed: int


@dataclass(slots=True)
class Window:
    """From the start of one fault to that of the next, and what was sent in it."""

    kind: str
    reasons: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ended_s: float | None = None
    recovered_s: float | None = None

    @property
    def recovery_s(self) -> float:
        """Seconds from the end of the fault to a model's answer; NaN: not seen."""
        if self.ended_s is None or self.recovered_s is None:
            return float("nan")
        return self.recovered_s - self.ended_s


class Book:
    """Every window so far; the last one is open."""

    def __init__(self) -> None:
        """Start before the first fault."""
        self.windows = [Window("none yet")]

    async def ask(self, session: aiohttp.ClientSession, url: str, body: bytes) -> None:
        """Send one request and write down what became of it."""
        window, sent_s = self.windows[-1], time.monotonic()
        try:
            async with session.post(url, data=body) as reply:
                status, answer = reply.status, await reply.read()
        except (aiohttp.ClientError, TimeoutError) as failure:
            window.wrong.append(f"no answer: {type(failure).__name__}")
            return
        answered_s = time.monotonic()
        window.latencies_ms.append(1e3 * (answered_s - sent_s))
        if status == SHED:
            window.reasons["(503 shed)"] += 1
            return
        try:
            reason = checked(status, answer)
        except (ValueError, msgspec.MsgspecError) as failure:
            window.wrong.append(f"{failure}: {answer[:200]!r}")
            return
        window.reasons[reason] += 1
        is_after = window.ended_s is not None and sent_s >= window.ended_s
        if reason == MODEL and is_after and window.recovered_s is None:
            window.recovered_s = answered_s


def checked(status: int, answer: bytes) -> str:
    """Return who answered, or why not a model; raise ``ValueError`` otherwise."""
    if status != OK:
        raise ValueError(f"status {status}")
    band = msgspec.json.decode(answer, type=Band)
    lengths = {len(column) for column in band.yhat_q.values()}
    if set(band.yhat_q) != LEVELS or lengths != {N_STEPS} or not is_band(band.yhat_q):
        raise ValueError("no ordered band")
    meta = band.meta
    is_model = meta.runtime == "tollama" and not meta.fallback_used
    if is_model == (meta.fallback_reason is not None):
        raise ValueError("no label")
    if is_model:
        return "(cache)" if meta.cache_hit else MODEL
    return str(meta.fallback_reason)


def kinds(seed: int) -> Iterator[str]:
    """Yield every kind of fault in one order after another.

    An open breaker hides the next fault; in one order it would hide the same ones
    for ever.
    """
    rng = np.random.default_rng(seed)
    while True:
        yield from map(str, rng.permutation(KINDS))


def mixed_bodies() -> Iterator[bytes]:
    """Yield bodies for ever, in turn one that repeats and one that does not."""
    repeated = cycle(bodies(N_BODIES, are_distinct=False))
    distinct = cycle(bodies(N_BODIES, are_distinct=True))
    while True:
        yield next(repeated)
        yield fresh(next(distinct))


async def load(book: Book, url: str, rate: float, stop: asyncio.Event) -> None:
    """Send requests at a rate until told to stop, then wait for the answers."""
    asked = mixed_bodies()
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S),
        timeout=aiohttp.ClientTimeout(_ANSWER_S),
        headers={"Content-Type": "application/json"},
    )
    started_s, n_sent = time.monotonic(), 0
    async with session, asyncio.TaskGroup() as sending:
        while not stop.is_set():
            n_due = int(rate * (time.monotonic() - started_s))
            for body in islice(asked, n_due - n_sent):
                sending.create_task(book.ask(session, url, body))
            n_sent = n_due
            await asyncio.sleep(_TICK_S)


async def break_and_mend(book: Book, daemon: Daemon, kind: str, faults: Faults) -> None:
    """Let one fault begin and end, and stay until it is time for the next."""
    started_s = time.monotonic()
    window = Window(kind)
    book.windows.append(window)
    await asyncio.to_thread(daemon.break_down, kind)
    await asyncio.sleep(started_s + faults.fault_s - time.monotonic())
    await asyncio.to_thread(daemon.mend, kind)
    window.ended_s = time.monotonic()
    await asyncio.sleep(started_s + faults.every_s - time.monotonic())


async def soak(
    service: Server, daemon: Daemon, *, rate: float, faults: Faults
) -> tuple[Book, list[float]]:
    """Return what was answered, and the memory at the start and after each fault."""
    book, stop = Book(), asyncio.Event()
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("Faults", total=faults.number)
        async with asyncio.TaskGroup() as both:
            both.create_task(load(book, service.url + ROUTE, rate, stop))
            await asyncio.sleep(faults.every_s)
            memory_mib = [service.rss_mib()]
            for kind in islice(kinds(faults.seed), faults.number):
                progress.update(bar, description=kind)
                await break_and_mend(book, daemon, kind, faults)
                memory_mib.append(service.rss_mib())
                progress.advance(bar)
            await recovered(book.windows[-1])
            stop.set()
    return book, memory_mib


async def recovered(window: Window) -> None:
    """Return when a model answered after the last fault, or after a minute."""
    until_s = time.monotonic() + _LAST_RECOVERY_S
    while (  # noqa: ASYNC110 - it ends by itself, and nobody is in a hurry
        window.recovered_s is None and time.monotonic() < until_s
    ):
        await asyncio.sleep(_TICK_S)


def shown(windows: Sequence[Window]) -> Table:
    """Return what was answered, a row for each kind of fault."""
    table = Table(
        *("fault", "times", "answers", "wrong", "p95 ms", "recovery s"),
        *("not before the next", "answered by"),
    )
    for kind in dict.fromkeys(window.kind for window in windows):
        table.add_row(*_row(kind, [one for one in windows if one.kind == kind]))
    table.add_section()
    table.add_row(*_row("all", windows))
    return table


def _row(kind: str, windows: Sequence[Window]) -> tuple[str, ...]:
    reasons = sum((window.reasons for window in windows), Counter[str]())
    latencies_ms = [value for window in windows for value in window.latencies_ms]
    ended = [window.recovery_s for window in windows if window.ended_s is not None]
    seen_s = [value for value in ended if np.isfinite(value)]
    return (
        kind,
        str(len(windows)),
        f"{reasons.total():,}",
        str(sum(len(window.wrong) for window in windows)),
        f"{np.percentile(latencies_ms, 95):.0f}" if latencies_ms else "",
        spread(seen_s, "{:.1f}") if seen_s else "",
        str(len(ended) - len(seen_s)),
        ", ".join(f"{name} {number:,}" for name, number in reasons.most_common()),
    )


def main(
    *,
    minutes: Annotated[float, typer.Option(help="Time in all.")] = 20.0,
    every_s: Annotated[float, typer.Option(help="From fault to fault.")] = 20.0,
    fault_s: Annotated[float, typer.Option(help="Time that each fault lasts.")] = 6.0,
    rate: Annotated[float, typer.Option(help="Requests a second.")] = 100.0,
    seed: Annotated[int, typer.Option(help="Seed of the order of faults.")] = 20260220,
) -> None:
    """Print what was answered under each fault; exit with 1 if any answer was wrong."""
    console = wide_console()
    console.print(f"{machine()}\n{rate:g} requests/s, a fault every {every_s:g} s")
    n_faults = max(1, int(60 * minutes / every_s))
    faults = Faults(n_faults, every_s, fault_s, seed)
    daemon = Daemon()
    try:
        with tsfm_runner({"TSFM_TOLLAMA__URL": daemon.url}) as service:
            soaked = soak(service, daemon, rate=rate, faults=faults)
            book, memory_mib = uvloop.run(soaked)
    finally:
        daemon.end()
    console.print(shown(book.windows))
    first, middle, last = np.array(memory_mib)[[0, len(memory_mib) // 2, -1]]
    console.print(
        f"RSS: {first:.1f} MiB before the first fault, {middle:.1f} MiB at half "
        f"time, {last:.1f} MiB at the end"
    )
    wrong = [what for window in book.windows for what in window.wrong]
    for what, number in Counter(wrong).most_common(_SHOWN):
        console.print(f"wrong, {number} times: {what}", markup=False)
    if wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    run(main)
