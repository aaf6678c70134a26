"""The double in a process of its own: steered, stopped, killed and started again."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from urllib.parse import urlsplit

from tsfm_runner.errors import RuntimeUnavailableError
from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    create_fake_tollama,
    running_fake_tollama,
    set_fault,
    set_latency,
)

# A forked process would hold our sockets open.
_PROCESSES = multiprocessing.get_context("spawn")
_ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the double behaves; ``latency_ms`` None: as it was told at the start."""

    fault: Fault | None = None
    latency_ms: float | None = None


class Daemon:
    """A double of the tollama daemon that keeps its address in every new life."""

    def __init__(self, options: FakeTollamaOptions, *, port: int = 0) -> None:
        """Take how it behaves when it is well, and its port; 0: any free one."""
        self._options = options
        self._port = port
        self._process: SpawnProcess | None = None
        self.url = ""

    def start(self) -> None:
        """Start a process; return when it listens."""
        self._steering, theirs = _PROCESSES.Pipe()
        process = _PROCESSES.Process(
            target=_serve, args=(self._options, self._port, theirs)
        )
        process.start()
        self._process = process
        theirs.close()  # or the end of the process would go unnoticed
        self.url = str(self._answer())
        self._port = urlsplit(self.url).port or 0

    def behave(self, conduct: Conduct) -> None:
        """Behave so from the next request on."""
        self._steering.send(conduct)
        self._answer()

    def stop(self) -> None:
        """Hold the process: it stays connected and does nothing at all."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a process that was held go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once, in whatever state it is."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
            self._steering.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def _answer(self) -> object:
        try:
            if self._steering.poll(_ANSWER_S):
                return self._steering.recv()
        except EOFError:
            raise RuntimeUnavailableError("fake-tollama ended by itself") from None
        raise RuntimeUnavailableError(f"fake-tollama was silent for {_ANSWER_S:g} s")


@contextmanager
def running_daemon(options: FakeTollamaOptions) -> Generator[Daemon]:
    """Yield a double that runs; end it in the end, whatever happened."""
    daemon = Daemon(options)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.kill()


def _serve(options: FakeTollamaOptions, port: int, steering: Connection) -> None:
    # Ctrl-C reaches every process at the terminal; who started us ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_obey(options, port, steering))


async def _obey(options: FakeTollamaOptions, port: int, steering: Connection) -> None:
    """Serve until the process that steers us is gone."""
    app = create_fake_tollama(options)
    is_alone = asyncio.Event()
    loop = asyncio.get_running_loop()

    def take() -> None:
        try:
            conduct: Conduct = steering.recv()
        except EOFError:
            loop.remove_reader(steering.fileno())
            is_alone.set()
            return
        set_fault(app, conduct.fault)
        latency_ms = conduct.latency_ms
        set_latency(app, options.latency_ms if latency_ms is None else latency_ms)
        steering.send(None)

    async with running_fake_tollama(app, port=port) as url:
        steering.send(url)
        loop.add_reader(steering.fileno(), take)
        await is_alone.wait()
