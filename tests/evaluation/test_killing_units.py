"""A study that is ended at any moment goes on where it was, and nobody is left."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.working import toys
from tests.evaluation.units_program import open_store

from tsfm_runner.adapters.working.array_file import is_whole
from tsfm_runner.adapters.working.outcome import call

SEED = 20260220
N_KILLS = 6
N_UNITS = 16
PAUSE_S = 0.1
# From before the workers are there to after the last unit, on a fast machine.
LONGEST_S = 1.5
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

_marks = count(1)


class Study:
    """The program at work, and all processes that it started."""

    def __init__(self, root: Path) -> None:
        self.mark = f"TSFM_TEST_STUDY={os.getpid()}-{next(_marks)}"
        name, _, value = self.mark.partition("=")
        command = ["tests.evaluation.units_program", root, 2, N_UNITS, PAUSE_S]
        self.process = subprocess.Popen(  # noqa: S603 - a program of ours
            [sys.executable, "-m", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, name: value},
            start_new_session=True,
        )
        assert self.process.stdout is not None
        # Not by readline, which keeps lines that follow at once from communicate.
        assert os.read(self.process.stdout.fileno(), len("open\n")) == b"open\n"

    def processes(self) -> set[int]:
        """Return those of its processes that are alive."""
        alive = set()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self.mark in environ.read_text(errors="replace").split("\0"):
                    alive.add(int(environ.parent.name))
            except OSError:
                continue  # it has ended, or is nobody of ours
        return alive

    def left_behind(self, *, within_s: float = 10) -> set[int]:
        """Return the processes that do not end by themselves."""
        until_s = time.monotonic() + within_s
        while (alive := self.processes()) and time.monotonic() < until_s:
            time.sleep(0.02)
        return alive

    def end(self, number: signal.Signals) -> tuple[list[str], str]:
        """Send a signal as a terminal does; return the units done, and the errors."""
        os.killpg(self.process.pid, number)
        printed, errors = self.process.communicate(timeout=30)
        return re.findall(r"^done (.*)$", printed, re.MULTILINE), errors


@contextmanager
def study(root: Path) -> Iterator[Study]:
    begun = Study(root)
    try:
        yield begun
    finally:
        begun.process.kill()
        begun.process.communicate()


def times_begun(root: Path) -> dict[str, int]:
    """Return how often each unit was begun."""
    names = [path.name.partition("-")[0] for path in (root / "begun").iterdir()]
    return {f"unit {number}": names.count(number) for number in set(names)}


def finish(root: Path) -> set[str]:
    """Let the study end by itself; return the units that it says are done."""
    with study(root) as last:
        printed, errors = last.process.communicate(timeout=60)
    assert last.process.returncode == 0, errors
    return set(re.findall(r"^done (.*)$", printed, re.MULTILINE))


def assert_is_complete(root: Path) -> None:
    """Hold what is stored against what one process computes without a break."""
    with open_store(root) as store:
        for seed in range(N_UNITS):
            found = store.read(f"unit {seed}")
            assert toys.bits(found) == toys.bits(call(toys.numbers, (seed,)))
        files = sorted(store.path("unit 0").parent.iterdir())
    assert len(files) == N_UNITS
    assert all(map(is_whole, files))


def test_a_study_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    moments_s = np.random.default_rng(SEED).uniform(0, LONGEST_S, size=N_KILLS)
    kept = set[str]()
    for moment_s in moments_s:
        with study(tmp_path) as killed:
            begun_before = times_begun(tmp_path)
            time.sleep(moment_s)
            done, _ = killed.end(signal.SIGKILL)
            assert killed.left_behind() == set()
        again = times_begun(tmp_path)
        assert all(again[name] == begun_before[name] for name in kept)
        kept |= set(done)

    assert finish(tmp_path) == {f"unit {seed}" for seed in range(N_UNITS)}
    assert max(times_begun(tmp_path).values()) <= N_KILLS + 1
    assert_is_complete(tmp_path)


def test_a_worker_that_is_killed_costs_nothing_but_its_unit(tmp_path: Path) -> None:
    with study(tmp_path) as running:
        while len(workers := running.processes() - {running.process.pid}) < 2:
            time.sleep(0.01)
        os.kill(max(workers), signal.SIGKILL)
        _, errors = running.process.communicate(timeout=60)

    assert (running.process.returncode, errors) == (0, "")
    assert running.left_behind() == set()
    assert_is_complete(tmp_path)


@pytest.mark.parametrize("moment_s", [0.0, 0.3, 0.8])
def test_ctrl_c_ends_a_study_at_once_and_without_a_word(
    tmp_path: Path, moment_s: float
) -> None:
    with study(tmp_path) as running:
        time.sleep(moment_s)
        _, errors = running.end(signal.SIGINT)

        assert (running.process.returncode, errors) == (130, "")
        assert running.left_behind() == set()
    files = [path for path in (tmp_path / "work").glob("*/*") if path.is_file()]
    assert all(map(is_whole, files))
    finish(tmp_path)
    assert_is_complete(tmp_path)
