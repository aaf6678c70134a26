"""The command serves until it is told to stop."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest

_PROGRAM = "from tsfm_runner.cli import main; main()"


@asynccontextmanager
async def _command(*options: str) -> AsyncGenerator[tuple[Process, str]]:
    """Give the running command and the first line that it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, "fake-tollama", *options, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_command_serves_what_it_says_until_it_is_stopped(
    number: signal.Signals,
) -> None:
    options = (
        *("--port", "0", "--model", "ours", "--generation", "5"),
        *("--fault", "thin", "--fault-rate", "0.5", "--bad-series", "x"),
    )

    async with _command(*options) as (process, line):
        url = next(word for word in line.split() if word.startswith("http://"))
        async with (
            aiohttp.ClientSession(url) as session,
            session.get("/api/tags") as response,
        ):
            tags = await response.json()
        process.send_signal(number)
        exit_code = await process.wait()

    assert exit_code == 0
    assert [model["name"] for model in tags["models"]] == ["ours"]
    for words in ("generation 5", "fault thin in 50% of calls", "bad series x"):
        assert words in line


async def test_port_that_is_taken_ends_the_command_with_a_reason() -> None:
    async with _command("--port", "0") as (_, line):
        url = next(word for word in line.split() if word.startswith("http://"))
        async with _command("--port", url.rsplit(":", 1)[1]) as (second, printed):
            exit_code = await second.wait()

    assert exit_code == 1
    assert printed == ""
