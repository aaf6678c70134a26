"""What every benchmark shares: servers in processes of their own, and figures."""

import asyncio
import atexit
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from asgi import Application, Message
from tsfm_runner.bootstrap import build_app
from tsfm_runner.config import Settings

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("tsfm-runner")
OK = 200

_START_S = 30.0
_STOP_S = 15.0
_POLL_S = 0.02
_MIN_WIDTH = 150
_TIMEOUT_S = 60.0
_NOTHING: Mapping[str, object] = {}


class MeasurementError(Exception):
    """What was to be measured does not happen here; its figures would mislead."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request brought back."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers HTTP."""

    url: str
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Return its user and system seconds so far; NaN where there is no /proc."""
        text = self._read("stat").rpartition(")")[2]
        if not text:
            return float("nan")
        # Fields 14 and 15 of proc(5), counted after the name in brackets.
        user, system = text.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Return the memory it holds; NaN where there is no /proc."""
        text = self._read("statm")
        if not text:
            return float("nan")
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2

    def _read(self, name: str) -> str:
        path = Path(f"/proc/{self.process.pid}/{name}")
        return path.read_text() if path.exists() else ""


def ask(url: str, body: bytes | None = None, *, method: str | None = None) -> Answer:
    """Send one request over a connection of its own; a body makes it a POST."""
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=_TIMEOUT_S)
    headers = {"Content-Type": "application/json"}
    try:
        connection.request(
            method or ("GET" if body is None else "POST"), parts.path, body, headers
        )
        reply = connection.getresponse()
        return Answer(reply.status, reply.read())
    finally:
        connection.close()


def own_ledger() -> str:
    """Return the address of a new ledger, which is gone when we are."""
    folder = Path(tempfile.mkdtemp(prefix="tsfm-benchmark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return f"sqlite:///{folder / 'ledger.db'}"


@asynccontextmanager
async def in_process(settings: Settings) -> AsyncIterator[Application]:
    """Yield our application, started as a server starts it; its log goes nowhere."""
    nowhere = Path(os.devnull).open("w")  # noqa: ASYNC230, SIM115 - never blocks
    asked: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    with nowhere:
        store = settings.store.model_copy(update={"url": own_ledger()})
        apart = settings.model_copy(update={"store": store})
        app: Application = build_app(apart, log_stream=nowhere)
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        living = asyncio.create_task(app(scope, asked.get, told.put))
        asked.put_nowait({"type": "lifespan.startup"})
        started = await told.get()
        if started["type"] != "lifespan.startup.complete":
            raise MeasurementError(str(started.get("message")))
        try:
            yield app
        finally:
            asked.put_nowait({"type": "lifespan.shutdown"})
            await living


async def call(app: Application, path: str, body: bytes) -> bytes:
    """Post a body to an application with no socket between; return the answer."""
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])
    told: list[Message] = []

    async def receive() -> Message:
        return next(asked, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        told.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
        "state": {},
    }
    await app(scope, receive, send)
    return b"".join(message.get("body", b"") for message in told)


def free_port() -> int:
    """Return a port of the loopback that nobody holds now."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def start(
    *command: object, port: int, environ: Mapping[str, object] = _NOTHING
) -> Server:
    """Run a command and return once it answers at the port; ``end`` it afterwards.

    Of the settings of this shell it sees none, of its own only those of ``environ``;
    its ledger is a new one, and models of its own are off.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TSFM_")}
    given = {"TSFM_STORE__URL": own_ledger(), "TSFM_EMBEDDED__ENABLED": "false"}
    given |= {name: str(value) for name, value in environ.items()}
    process = subprocess.Popen(  # noqa: S603 - programs of this repository
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=inherited | given,
        cwd=HERE,  # no configs/ below it
    )
    server = Server(f"http://127.0.0.1:{port}", process)
    with ExitStack() as undone:
        undone.callback(end, process)
        _wait(server)
        undone.pop_all()
    return server


@contextmanager
def served(
    *command: object, port: int, environ: Mapping[str, object] = _NOTHING
) -> Iterator[Server]:
    """Yield what ``start`` returns; end it afterwards."""
    server = start(*command, port=port, environ=environ)
    try:
        yield server
    finally:
        end(server.process)


def _wait(server: Server) -> None:
    until_s = time.monotonic() + _START_S
    while True:
        try:
            ask(f"{server.url}/health/live")
        except OSError as failure:
            if server.process.poll() is None and time.monotonic() < until_s:
                time.sleep(_POLL_S)
                continue
            command = " ".join(map(str, server.process.args))
            raise MeasurementError(f"did not start: {command}") from failure
        return


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process kindly, or else by force; it may be stopped or dead already."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tsfm_runner(
    environ: Mapping[str, object] = _NOTHING,
) -> AbstractContextManager[Server]:
    """Run ``tsfm-runner serve`` with nothing but these settings."""
    port = free_port()
    return served(PROGRAM, "serve", "--port", port, port=port, environ=environ)


def script(name: str, *flags: object) -> AbstractContextManager[Server]:
    """Run a server that lies beside this module, on a free port."""
    port = free_port()
    return served(sys.executable, HERE / name, "--port", port, *flags, port=port)


def machine() -> str:
    """Say what this machine is and how busy others keep it."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{_cpu_model()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, load {load}"
    )


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if "model name" in line)
    return next(named, platform.processor() or "unknown processor")


@contextmanager
def in_rounds(number: int) -> Iterator[Iterable[int]]:
    """Yield the numbers of the rounds, with a bar that ends however they end."""
    with Progress(console=Console(stderr=True)) as progress:
        yield progress.track(range(number), description="Rounds")


def wide_console() -> Console:
    """Return a console in which no table of ours is cut, wherever it prints."""
    return Console(width=max(_MIN_WIDTH, Console().width), highlight=False)


def spread(values: Sequence[float], pattern: str = "{:.2f}") -> str:
    """Write the median of some rounds, and the least and greatest."""
    low, median, high = np.percentile(values, [0, 50, 100])
    return f"{pattern} ({pattern}-{pattern})".format(median, low, high)


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Divide round by round; a ratio never joins two rounds."""
    return [one / other for one, other in zip(above, below, strict=True)]


def run(main: Callable[..., None]) -> None:
    """Run a script; SIGTERM ends it as Ctrl-C does, with every server it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except MeasurementError as failure:
        sys.exit(f"error: {failure}")
