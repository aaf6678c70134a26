"""A writer that is killed at any moment loses nothing that was said to be safe."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from random import Random
from threading import Thread
from time import monotonic
from typing import IO

import pytest
from tests.adapters.ledger.entries import START_S, open_at

from tsfm_runner.adapters.ledger.integrity import check_ledger

SEED = 20260220
N_KILLS = 100
LONGEST_S = 0.3
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither fork nor SIGKILL"
)


@contextmanager
def victims(path: Path) -> Iterator[subprocess.Popen[str]]:
    program = subprocess.Popen(  # noqa: S603 - a program of ours
        [sys.executable, "-m", "tests.adapters.ledger.victims", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with program:  # a writer that is left over ends when nobody hears it
        try:
            yield program
        finally:
            program.kill()


def heard_from(stream: IO[str]) -> Queue[list[str]]:
    """Return the lines of a stream, in words, as they come."""
    lines: Queue[list[str]] = Queue()

    def listen() -> None:
        for line in stream:
            lines.put(line.split())

    Thread(target=listen, daemon=True).start()
    return lines


def kill_one(
    program: subprocess.Popen[str], lines: Queue[list[str]], *, after_s: float
) -> int:
    """Start a writer, kill it some time after it began; return what was safe."""
    assert program.stdin is not None
    program.stdin.write("next\n")
    program.stdin.flush()
    word, pid = lines.get(timeout=30)
    assert word == "born"
    safe_id = 0
    kill_at_s = monotonic() + after_s
    with suppress(Empty):
        while True:
            safe_id = int(lines.get(timeout=max(0.0, kill_at_s - monotonic()))[1])
    os.kill(int(pid), signal.SIGKILL)
    while (line := lines.get(timeout=30)) != ["dead"]:
        safe_id = int(line[1])
    return safe_id


def has_tables(path: Path) -> bool:
    """Whether a writer got so far at all before it was killed."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    return bool(found[0])


def committed(path: Path) -> list[tuple[int, int, int]]:
    """Return count and highest id of forecasts, and the count of scores."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT COUNT(*), MAX(id), (SELECT COUNT(*) FROM scores) FROM forecasts"
        ).fetchall()


def test_a_hundred_writers_are_killed_and_nothing_safe_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    moments = Random(SEED)  # noqa: S311 - no secret
    n_safe = 0
    with victims(path) as program:
        assert program.stdout is not None
        lines = heard_from(program.stdout)
        for _ in range(N_KILLS):
            after_s = moments.uniform(0, LONGEST_S)
            safe_id = kill_one(program, lines, after_s=after_s)
            if not has_tables(path):
                assert safe_id == n_safe == 0
                continue
            n_safe = max(n_safe, safe_id)
            assert check_ledger(path).findings == ()
            [(n_forecasts, newest_id, n_scores)] = committed(path)
            assert n_forecasts == (newest_id or 0)
            assert n_forecasts >= n_safe
            assert 0 <= n_forecasts - n_scores <= 1

    with open_at(path) as ledger:
        contents = ledger.read(awaited_after_s=START_S)
    assert contents.next_forecast_id > n_safe
    assert n_safe > 0
