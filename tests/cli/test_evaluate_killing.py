"""A study that is stopped goes on where it was, and ends as if nothing had been."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.cli.command_line import run
from tests.cli.processes import PROGRAM
from tests.evaluation.recordings import make_markets
from tests.evaluation.studies import table_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")

SEED = 20260220
MODELS = ("ewma", "kalman", "har")
OPTIONS = (
    *("--horizon", "2", "--quantiles", "0.1,0.5,0.9", "--bands"),
    *("--model", ",".join(MODELS)),
)
N_UNITS = 1 + 2 * len(MODELS)  # describe, and draw and score each model
FILES = ("scores.json", "scores.parquet", "bands.parquet")
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "prices.parquet"
    table_of(make_markets(8, n_points=200)).write_parquet(path)
    return path


@contextmanager
def studying(
    prices: Path, out: Path, *, n_jobs: int
) -> Iterator[subprocess.Popen[str]]:
    """Yield the command at work, in a group of processes of its own."""
    command = ["evaluate", prices, *OPTIONS, "--jobs", n_jobs, "--out", out]
    with subprocess.Popen(  # noqa: S603 - the program under test
        [PROGRAM, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if "TSFM" not in name},
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def units_in(out: Path) -> dict[str, int]:
    """Return the units that are kept, each with the time at which it was."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob(".work/*/*.arrays")}


def await_that(claim: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is true, or the process has ended."""
    until_s = time.monotonic() + PATIENCE_S
    while not claim() and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.002)


def end(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Send a signal as a terminal does; return what went to stderr."""
    if process.poll() is None:
        os.killpg(process.pid, number)
    return process.communicate(timeout=PATIENCE_S)[1]


def half_written(out: Path) -> list[str]:
    return [path.name for path in out.glob("*.part")] + [
        path.name for path in out.glob(".parts-*")
    ]


def test_ctrl_c_leaves_nothing_half_written_and_what_is_done_is_not_done_again(
    prices: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with studying(prices, out, n_jobs=2) as process:
        await_that(lambda: len(units_in(out)) >= 2, process)
        errors = end(process, signal.SIGINT)

    assert process.returncode == 130, errors
    assert errors == "stopped: ask for the same again to go on\n"
    assert half_written(out) == []
    assert not any((out / name).exists() for name in FILES)
    kept = units_in(out)
    assert 2 <= len(kept) < N_UNITS
    with studying(prices, out, n_jobs=1) as process:
        await_that(lambda: len(units_in(out)) == N_UNITS, process)
        found = units_in(out)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert len(found) == N_UNITS
    assert {name: found[name] for name in kept} == kept


def test_a_command_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    prices: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    options = (*OPTIONS, "--jobs", "1")
    assert run("evaluate", prices, *options, "--out", whole).exit_code == 0
    moments: list[tuple[Callable[[], bool], int]] = [
        ((out / ".work").exists, 1),
        (lambda: len(units_in(out)) > 0, 2),
        (lambda: bool(half_written(out)), 1),
        ((out / "scores.json").exists, 1),
    ]
    delays_s = np.random.default_rng(SEED).uniform(0, 0.05, size=len(moments))
    delays_s[-2:] = 0  # a file is soon written
    kept: dict[str, int] = {}

    for (has_come, n_jobs), delay_s in zip(moments, delays_s.tolist(), strict=True):
        with studying(prices, out, n_jobs=n_jobs) as process:
            await_that(has_come, process)
            time.sleep(delay_s)
            end(process, signal.SIGKILL)
        now = units_in(out)
        is_written = (out / "report.html").exists()
        assert is_written or now.items() >= kept.items()
        kept = now
    result = run("evaluate", prices, *options, "--out", out)

    assert result.exit_code == 0, result.output
    assert half_written(out) == []
    for name in FILES:
        assert (out / name).read_bytes() == (whole / name).read_bytes()
