import asyncio
import json
import re
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.adapters.embedded.stored import store_model
from tests.cli.command_line import run
from tests.cli.processes import serving

from tsfm_runner.cli.exit_codes import ExitCode

REQUEST = {
    "market_id": "m",
    "as_of_ts": "2026-02-20T12:00:00Z",
    "y": [0.4 + 0.01 * (step % 5) for step in range(40)],
}


async def ask(url: str) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/tsfm/forecast", json=REQUEST) as reply,
    ):
        answer: dict[str, Any] = await reply.json()
        return answer


def test_who_listens_to_a_stream_holds_up_no_end() -> None:
    environ = {"TSFM_SERVER__SHUTDOWN_GRACE_S": "3600", "TSFM_STORE__URL": "sqlite://"}
    with (
        serving(environ=environ) as served,
        urlopen(f"{served.url}/tsfm/breaches/stream") as stream,  # noqa: S310 - ours
    ):
        code, _ = served.end()

        assert stream.read() == b""
    assert code == ExitCode.OK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_ends_in_peace(number: signal.Signals) -> None:
    with serving() as served:
        answer = asyncio.run(ask(served.url))

        code, errors = served.end(number)

    assert answer["market_id"] == "m"
    *log, last = errors.splitlines()
    events = [json.loads(line)["event"] for line in log]
    assert events == ["started", "forecast", "stopped"]
    assert (code, last) == (ExitCode.OK, "stopped")


@asynccontextmanager
async def holding_runtime() -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Event]]:
    """Yield a runtime's address, whether it was asked, and what lets it answer."""
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(_: web.Request) -> web.Response:
        asked.set()
        await released.wait()
        return web.Response(status=400)

    runtime = web.Application()
    runtime.router.add_post("/v1/forecast", hold)
    async with TestServer(runtime) as server:
        try:
            yield str(server.make_url("/")), asked, released
        finally:
            released.set()


async def test_a_request_in_flight_is_answered_after_sigterm() -> None:
    async with holding_runtime() as (url, asked, released):
        with serving(environ={"TSFM_TOLLAMA__URL": url}) as served:
            answering = asyncio.create_task(ask(served.url))
            await asked.wait()
            ending = asyncio.create_task(asyncio.to_thread(served.end))
            released.set()

            answer, (code, _) = await asyncio.gather(answering, ending)

    assert answer["market_id"] == "m"
    assert code == ExitCode.OK


async def test_what_would_outlast_the_grace_period_is_answered_by_a_baseline() -> None:
    async with holding_runtime() as (url, asked, _):
        environ = {
            "TSFM_TOLLAMA__URL": url,
            "TSFM_SERVER__SHUTDOWN_GRACE_S": "1",
            "TSFM_RESILIENCE__DEADLINE_S": "600",
            "TSFM_RESILIENCE__ATTEMPT_TIMEOUT_S": "600",
        }
        with serving(environ=environ) as served:
            answering = asyncio.create_task(ask(served.url))
            await asked.wait()

            code, _ = await asyncio.to_thread(served.end)
            answer = await answering

    assert code == ExitCode.OK
    assert answer["meta"]["runtime"] == "baseline"
    assert answer["meta"]["fallback_reason"] == "deadline_exceeded"


def n_cycles(url: str) -> int:
    """Return how many batches the service has answered."""
    with urlopen(f"{url}/metrics") as reply:  # noqa: S310 - our own service
        text = reply.read().decode()
    found = re.search(r"^tsfm_cycle_duration_seconds_count (\S+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 0


def test_the_demo_moves_until_it_ends_in_peace(tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    flags = ("--demo-markets", "3", "--demo-speed", "0.1")
    with serving(*flags, environ=environ) as served:
        n_warm = n_cycles(served.url)
        while n_cycles(served.url) < n_warm + 3:
            time.sleep(0.05)
        code, errors = served.end()

    assert code == ExitCode.OK
    assert served.printed.startswith(f"Open {served.url}\nServing on {served.url} ")
    assert errors == "stopped\n"
    assert list(tmp_path.iterdir()) == []


async def test_it_answers_clients_of_tollama_where_that_is_wanted() -> None:
    with serving("--tollama-api") as served:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{served.url}/api/tags") as reply,
        ):
            listed = await reply.json()
        code, _ = await asyncio.to_thread(served.end)

    assert code == ExitCode.OK
    assert listed["models"][0]["name"] == "tsfm-runner"


def test_an_address_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("serve", "--port", str(port))

    assert result.exit_code == ExitCode.FAILED
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


def test_an_open_address_needs_a_key() -> None:
    result = run("serve", "--host", "0.0.0.0")  # noqa: S104 - it must refuse

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "set auth.keys" in result.stderr


def test_a_damaged_model_file_stops_the_start(tmp_path: Path) -> None:
    stored = store_model(tmp_path)
    stored.file.write_bytes(stored.file.read_bytes()[:-1])
    environ = {
        "TSFM_EMBEDDED__ENABLED": "true",
        "TSFM_EMBEDDED__MODELS_DIR": str(tmp_path),
    }

    result = run("serve", "--port", "0", environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION
    [line] = [one for one in result.stderr.splitlines() if one.startswith("error: ")]
    assert f"{stored.file} is damaged" in line
    assert stored.manifest.sha256 in line
    assert "models add" in line


def test_a_licence_that_forbids_the_default_model_stops_the_start() -> None:
    environ = {
        "TSFM_ENVIRONMENT": "prod",
        "TSFM_TOLLAMA__URL": "http://127.0.0.1:1",
        "TSFM_TOLLAMA__MODEL": "moirai-2.0-R-small",
    }

    result = run("serve", "--port", "0", environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "prod does not allow" in result.stderr


def test_a_ledger_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("no database", encoding="utf-8")

    result = run(
        "serve", "--port", "0", environ={"TSFM_STORE__URL": f"sqlite:///{path}"}
    )

    assert result.exit_code == ExitCode.CONFIGURATION
    [line] = result.stderr.splitlines()
    assert line.startswith(f"error: {path} cannot be read")
