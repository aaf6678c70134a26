"""The gate before a real service over HTTP: PASS, WAIT, ROLLBACK, and no answer."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console
from tests.api.wire import a_request, prices
from tests.cli.command_line import run
from tests.cli.processes import PROGRAM
from tests.service.gate.live import START_S
from typer.testing import Result

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.gate import own_url
from tsfm_runner.cli.gate_report import as_line, as_tables
from tsfm_runner.cli.serving import bind, running_service, url_of
from tsfm_runner.config import ServerConfig, Settings
from tsfm_runner.domain.gating import Figure, GateRuling, Stage, Window
from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    running_fake_tollama,
)

TOKEN = "a-token-of-16-and-more"
WINDOW_S = 0.6
QUIET = {"store": {"url": "sqlite://"}, "log": {"level": "error"}}
SHORT = {
    "TSFM_GATE__FULL_100__WINDOW_MINUTES": str(WINDOW_S / 60),
    "TSFM_GATE__FULL_100__MIN_FORECASTS": "40",
    "TSFM_GATE__FULL_100__MIN_OUTCOMES": "0",
    "TSFM_GATE__MAX_P95_MS": "10000",  # how fast this machine is, is no matter here
    "TSFM_GATE__PATIENCE_S": "0",
}


@asynccontextmanager
async def a_service(
    double: FakeTollamaOptions | None = None, **sections: object
) -> AsyncIterator[str]:
    """Serve before a double of the daemon; yield the address."""
    async with running_fake_tollama(double or FakeTollamaOptions()) as runtime:
        settings = Settings.model_validate(
            {"tollama": {"url": runtime}, **QUIET, **sections}
        )
        bound = bind("127.0.0.1", 0)
        async with running_service(settings, bound):
            yield url_of(bound)


async def ask(url: str, count: int, *, first: int = 0, at_once: int = 4) -> None:
    """Ask for so many new markets, some at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        body = a_request(y=prices(60), market_id=f"m{number}")
        async with slots, session.post(f"{url}/tsfm/forecast", json=body) as reply:
            assert reply.status == 200

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as asking:
        for number in range(first, first + count):
            asking.create_task(one(session, number))


async def gate(
    url: str,
    *options: object,
    stage: str = "full_100",
    environ: dict[str, str] | None = None,
) -> Result:
    arguments = ("gate", "--stage", stage, "--url", url, *options)
    return await asyncio.to_thread(run, *arguments, environ=SHORT | (environ or {}))


def ruling(result: Result, code: ExitCode) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


async def test_without_faults_it_waits_for_traffic_and_time_and_then_passes() -> None:
    async with a_service() as url:
        first = await gate(url, "--json")
        await ask(url, 30)
        await asyncio.sleep(WINDOW_S)
        few = await gate(url, "--json")
        await ask(url, 30, first=30)
        enough = await gate(url, "--json")

    waits = ruling(first, ExitCode.WAIT)
    assert waits["decision"] == "WAIT"
    assert [figure["n"] for figure in waits["figures"]] == [0] * 6
    assert ruling(few, ExitCode.WAIT)["reasons"] == [
        "30 of 40 forecasts meant for a model came"
    ]
    passes = ruling(enough, ExitCode.OK)
    assert (passes["service"], passes["stage"]) == (url, "full_100")
    assert passes["decision"] == "PASS"
    assert passes["window"]["readings"] == 3
    states = {one["figure"]: one["state"] for one in passes["figures"]}
    assert states.pop("coverage_error") == "unknown"
    assert set(states.values()) == {"holds"}


async def test_one_answer_of_five_that_is_no_band_rolls_back() -> None:
    double = FakeTollamaOptions(fault=Fault.NAN, fault_rate=0.2, seed=1)

    async with a_service(double) as url:
        await gate(url)
        await ask(url, 100, at_once=1)
        document = await gate(url, "--json")
        await ask(url, 4, first=100)
        after = await gate(url)

    rolls_back = ruling(document, ExitCode.FAILED)
    assert rolls_back["decision"] == "ROLLBACK"
    states = {one["figure"]: one["state"] for one in rolls_back["figures"]}
    assert states["invalid_rate"] == states["fallback_rate"] == "broken"
    assert states["error_rate"] == "holds"
    assert any("got an answer without a band" in why for why in rolls_back["reasons"])
    # Nobody went back, and the window has begun anew.
    assert after.exit_code == ExitCode.WAIT
    assert "began anew as a limit was broken: fallbacks, invalid output" in after.stdout


async def test_baselines_by_rule_hide_no_failing_model() -> None:
    double = FakeTollamaOptions(fault=Fault.NAN)
    routing = {"rollout_percent": 5}
    options = {"TSFM_GATE__CANARY_5__MIN_OUTCOMES": "0"}

    async with a_service(double, routing=routing) as url:
        await gate(url, stage="canary_5", environ=options)
        await ask(url, 200)
        result = await gate(url, "--json", stage="canary_5", environ=options)

    [fallbacks] = [
        one
        for one in ruling(result, ExitCode.FAILED)["figures"]
        if one["figure"] == "fallback_rate"
    ]
    assert fallbacks["value"] == 1
    assert 4 <= fallbacks["n"] < 30


async def test_another_stage_than_that_of_the_service_is_refused() -> None:
    async with a_service() as url:
        result = await gate(url, stage="canary_25")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "routing.rollout_percent of the service is 100" in result.stderr
    assert result.stdout == ""


async def test_a_service_with_keys_is_read_with_one() -> None:
    async with a_service(auth={"keys": {"desk": TOKEN}}) as url:
        stranger = await gate(url)
        known = await gate(url, "--token-env", "KEY", environ={"KEY": TOKEN})

    assert stranger.exit_code == ExitCode.CONFIGURATION
    assert "--token-env" in stranger.stderr
    assert known.exit_code == ExitCode.WAIT


async def test_a_service_that_is_down_never_passes() -> None:
    async with a_service() as url:
        await gate(url)
        await ask(url, 60)
        await asyncio.sleep(WINDOW_S)
        up = await gate(url)
    down = await gate(url, "--json")
    watched = await watch(url)

    assert up.exit_code == ExitCode.OK
    told = f"error: {url} cannot be reached: ClientConnectorError; nothing was decided"
    for code, printed, errors in (
        (down.exit_code, down.stdout, down.stderr),
        watched,
    ):
        assert (code, printed, errors.strip()) == (ExitCode.FAILED, "", told)


async def test_a_service_that_is_just_starting_is_waited_for() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
    waiting = asyncio.create_task(
        gate(f"http://127.0.0.1:{port}", environ={"TSFM_GATE__PATIENCE_S": "60"})
    )
    await asyncio.sleep(1)
    async with running_service(
        Settings.model_validate(QUIET),
        bind("127.0.0.1", port),
    ):
        result = await waiting

    assert result.exit_code == ExitCode.WAIT
    assert "cannot be reached: ClientConnectorError; asking for" in result.stderr


async def test_a_table_tells_every_figure_and_the_window() -> None:
    async with a_service() as url:
        await gate(url)
        await ask(url, 60)
        await asyncio.sleep(WINDOW_S)
        result = await gate(url)

    assert result.exit_code == ExitCode.OK
    lines = result.stdout.splitlines()
    assert lines[0] == "full_100: PASS"
    assert lines[1].startswith("- all limits held for 0.")
    rows = {re.split(r"\s{2,}", line.strip()).pop(0) for line in lines}
    names = {"p95 latency", "errors", "fallbacks", "invalid output", "breaker open"}
    assert names < rows
    assert lines[-1].endswith("; 2 readings")


async def watch(
    url: str, *options: str, environ: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Run the program as its user does; return its code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *("gate", "--stage", "full_100", "--url", url, "--watch", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **SHORT, **(environ or {})},
    )
    printed, errors = await process.communicate()
    return process.returncode or 0, printed.decode(), errors.decode()


async def test_watching_ends_with_the_decision(tmp_path: Path) -> None:
    other = str(tmp_path / "other.db")
    async with a_service() as url:
        watching = asyncio.gather(
            watch(url, "--every", "0.1s"),
            watch(url, "--every", "0.1s", "--json", "--samples", other),
        )
        for number in range(1_000):
            await ask(url, 10, first=10 * number)
            if watching.done():
                break
            await asyncio.sleep(0.1)
        for_people, as_json = await watching

    assert for_people[0] == as_json[0] == ExitCode.OK
    lines = for_people[1].splitlines()
    assert " full_100 WAIT: " in lines[0]
    assert " full_100 PASS: all limits held" in lines[-1]
    decisions = [json.loads(line)["decision"] for line in as_json[1].splitlines()]
    assert decisions == ["WAIT"] * (len(decisions) - 1) + ["PASS"]


async def test_at_a_terminal_the_table_is_drawn() -> None:
    async with a_service() as url:
        await gate(url)
        await ask(url, 60)
        await asyncio.sleep(WINDOW_S)
        code, printed, _ = await watch(url, environ={"TTY_COMPATIBLE": "1"})

    assert code == ExitCode.OK
    assert "breaker open" in printed
    assert "all limits held" in printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_watching_without_a_decision(
    number: signal.Signals,
) -> None:
    async with a_service() as url:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *("gate", "--stage", "full_100", "--url", url, "--watch"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        line = await process.stdout.readline()
        process.send_signal(number)
        _, errors = await process.communicate()

    assert b"WAIT" in line
    assert process.returncode == ExitCode.WAIT
    assert errors == b"stopped: nothing was decided\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--stage", "canary_50"), ExitCode.USAGE, "canary_50"),
        ((), ExitCode.USAGE, "--stage"),
        (("--stage", "canary_5", "--url", "here"), ExitCode.USAGE, "http://"),
        (("--stage", "canary_5", "--every", "1m"), ExitCode.USAGE, "needs --watch"),
        (
            ("--stage", "canary_5", "--watch", "--every", "soon"),
            ExitCode.USAGE,
            "--every",
        ),
        (("--stage", "canary_5", "--token-env", "NO"), ExitCode.CONFIGURATION, "NO"),
    ],
)
def test_options_that_cannot_be_are_refused(
    arguments: tuple[str, ...], code: ExitCode, told: str
) -> None:
    result = run("gate", *arguments, environ=SHORT)

    assert result.exit_code == code
    assert told in result.stderr


async def test_a_file_of_readings_that_is_damaged_decides_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gate.db"
    path.write_bytes(b"anything but a database" * 100)

    async with a_service() as url:
        result = await gate(url, "--samples", path)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "delete it, and the window begins anew" in result.stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - an address to read
        ("::", "http://[::1]:8000"),
        ("fd00::7", "http://[fd00::7]:8000"),
        ("service.example", "http://service.example:8000"),
    ],
)
def test_without_an_address_it_is_that_of_the_settings(host: str, url: str) -> None:
    assert own_url(ServerConfig(host=host)) == url


def a_ruling() -> GateRuling:
    return GateRuling(
        Stage.CANARY_5,
        "ROLLBACK",
        ("too many failed", "and too slowly"),
        START_S,
        Window(START_S - 90, 75.0, 3_600.0, 4, 2, START_S - 90, ("error_rate",)),
        (
            Figure("p95_ms", "above", 412.4, 300.0, 1_234),
            Figure("error_rate", "broken", 0.25, 0.001, 40, 0.1, 0.5, "why"),
            Figure("coverage_error", "unsure", None, 0.05, 12),
        ),
    )


def test_a_ruling_is_one_line_of_a_log() -> None:
    assert as_line(a_ruling()) == (
        "2026-02-20T12:00:00Z canary_5 ROLLBACK: too many failed; and too slowly"
    )


def test_a_ruling_fits_a_terminal() -> None:
    console = Console(file=StringIO(), width=80)

    console.print(as_tables(a_ruling()))

    assert isinstance(console.file, StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert lines[:3] == ["canary_5: ROLLBACK", "- too many failed", "- and too slowly"]
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert ["p95 latency", "412 ms", "300 ms", "1,234 forecasts", "above"] in cells
    assert [
        "errors",
        "25.00%",
        "10.00%-50.00%",
        "0.10%",
        "40 requests",
        "broken",
    ] in cells
    assert ["coverage error", "5.0 pt", "12 outcomes", "too few"] in cells
    assert " ".join(lines[-2:]) == (
        "1.2 of 60 minutes seen since 2026-02-20T11:58:30Z; 4 readings; 2 restarts of "
        "the service; began anew as a limit was broken: errors"
    )
