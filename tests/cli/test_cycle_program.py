"""Cycles that go on for ever end in peace when they are told to."""

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from anyio.from_thread import start_blocking_portal
from tests.cli.cycle_inputs import names, price_file
from tests.cli.processes import PROGRAM

from tsfm_runner.cli.exit_codes import ExitCode


@contextmanager
def cycling(
    *arguments: object, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Yield the program as its user starts it."""
    with subprocess.Popen(  # noqa: S603 - the program under test
        [PROGRAM, "cycle", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def holding_runtime() -> Iterator[tuple[str, threading.Event]]:
    """Yield the address of a runtime that never answers, and whether it was asked."""
    asked = threading.Event()

    async def hold(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(600)
        return web.Response()

    runtime = web.Application()
    runtime.router.add_post("/v1/forecast", hold)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(TestServer(runtime)) as server,
    ):
        yield str(server.make_url("/")), asked


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_between_cycles_ends_them(
    tmp_path: Path, number: signal.Signals
) -> None:
    path = price_file(tmp_path, *names(3))
    with cycling(path, "--every", "10m", "--json") as process:
        report = json.loads(first_line(process))

        process.send_signal(number)
        _, errors = process.communicate(timeout=30)

    assert report["markets"] == 3
    assert process.returncode == ExitCode.OK
    assert errors.endswith("stopped\n")


def test_a_signal_within_a_cycle_ends_it_and_leaves_no_half_file(
    tmp_path: Path,
) -> None:
    path, out = price_file(tmp_path, *names(3)), tmp_path / "bands.csv"
    arguments = (path, "--every", "10m", "--json", "--out", out)
    with holding_runtime() as (url, asked):
        environ = {
            "TSFM_TOLLAMA__URL": url,
            "TSFM_RESILIENCE__ATTEMPT_TIMEOUT_S": "600",
        }
        with cycling(*arguments, environ=environ) as process:
            assert asked.wait(timeout=30)

            process.send_signal(signal.SIGTERM)
            printed, errors = process.communicate(timeout=30)

    assert process.returncode == ExitCode.OK
    assert printed == ""
    assert errors.endswith("stopped\n")
    assert [left.name for left in tmp_path.iterdir()] == [path.name]
