"""A training is kept however it ends, and Ctrl-C lets the step be finished."""

import io
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from rich.console import Console
from tests.learning.sources import small_recipe
from tests.learning.weights import TINY

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.learning.checkpoint import resume
from tsfm_runner.learning.loop import Plan, Training
from tsfm_runner.learning.running import Keeping, run_training

MADE_BY = {"seed": 1}

torch.set_num_threads(1)


@pytest.fixture
def workers() -> Iterator[LocalWorkers]:
    with LocalWorkers(1) as started:
        yield started


def begun(n_steps: int) -> Training:
    return Training.begin(TINY, Plan(n_steps=n_steps), seed=1)


def run(training: Training, folder: Path, workers: LocalWorkers) -> tuple[bool, str]:
    told = io.StringIO()
    keeping = Keeping(folder / "training.pt", MADE_BY)
    is_over = run_training(
        training,
        small_recipe(),
        workers=workers,
        after_step=keeping,
        console=Console(file=told, width=100),
    )
    keeping.keep(training)
    return is_over, told.getvalue()


def test_a_training_that_ran_to_its_end_is_kept(
    tmp_path: Path, workers: LocalWorkers
) -> None:
    training = begun(5)

    is_over, told = run(training, tmp_path, workers)

    kept = begun(5)
    resume(tmp_path / "training.pt", kept, made_by=MADE_BY)
    assert is_over
    assert kept.n_done == 5
    assert "100.0%  loss" in told
    assert "40 windows" in told


def test_a_training_is_kept_every_few_minutes(tmp_path: Path) -> None:
    path, training = tmp_path / "training.pt", begun(9)
    keeping, kept = Keeping(path, MADE_BY, every_minutes=2), []

    for minutes in (1.0, 2.5, 3.0, 4.6):
        training.seconds = 60 * minutes
        keeping(training)
        kept.append(path.exists())
        path.unlink(missing_ok=True)

    assert kept == [False, True, False, True]


class Interrupting(LocalWorkers):
    """Someone presses Ctrl-C while the second block is made."""

    def run(self, *given: object) -> Generator:  # type: ignore[type-arg]
        made = super().run(*given)  # type: ignore[arg-type]
        yield next(made)
        signal.raise_signal(signal.SIGINT)
        yield from made


def test_ctrl_c_ends_after_the_step_and_keeps_it(tmp_path: Path) -> None:
    training, before = begun(50), signal.getsignal(signal.SIGINT)

    with Interrupting(1) as workers:
        is_over, _ = run(training, tmp_path, workers)

    kept = begun(50)
    resume(tmp_path / "training.pt", kept, made_by=MADE_BY)
    assert not is_over
    assert kept.n_done == training.n_done == 4
    assert signal.getsignal(signal.SIGINT) is before


def test_a_kept_training_goes_on_to_its_end(
    tmp_path: Path, workers: LocalWorkers
) -> None:
    with Interrupting(1) as interrupting:
        run(begun(6), tmp_path, interrupting)

    resumed = begun(6)
    resume(tmp_path / "training.pt", resumed, made_by=MADE_BY)
    is_over, _ = run(resumed, tmp_path, workers)

    whole = begun(6)
    run(whole, tmp_path, workers)
    assert is_over
    assert all((whole.weights[name] == w).all() for name, w in resumed.weights.items())
