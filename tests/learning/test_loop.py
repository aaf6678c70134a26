"""Training learns, ends when its plan says, and is gone on with bit for bit."""

from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from tests.learning.sources import small_recipe
from tests.learning.weights import TINY

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.batches import Batch, feed
from tsfm_runner.learning.checkpoint import resume, write_checkpoint
from tsfm_runner.learning.loop import Plan, Training, learn, mean_loss
from tsfm_runner.learning.loss import LossWeights
from tsfm_runner.learning.network import network_of
from tsfm_runner.learning.shape import NetworkShape

PLAN = Plan(n_steps=20, warm_up_steps=4)
MADE_BY = {"seed": 1, "shape": TINY.made_by}

torch.set_num_threads(1)  # so little work is not worth sharing


def batches(n: int, *, first: int = 0) -> list[Batch]:
    with LocalWorkers(1) as workers:
        return list(islice(feed(small_recipe(), first=first, workers=workers), n))


def begun(plan: Plan = PLAN, shape: NetworkShape = TINY) -> Training:
    return Training.begin(shape, plan, seed=1)


def taught(training: Training, lessons: list[Batch]) -> Training:
    for batch in lessons:
        training.step(batch)
    return training


def test_an_interrupted_training_ends_where_another_would_have(tmp_path: Path) -> None:
    path, lessons = tmp_path / "training.pt", batches(20)
    whole = taught(begun(), lessons)
    write_checkpoint(path, taught(begun(), lessons[:10]), made_by=MADE_BY)

    resumed = begun()
    resume(path, resumed, made_by=MADE_BY)
    taught(resumed, batches(10, first=resumed.n_done))

    assert resumed.n_done == 20
    assert resumed.n_seen == whole.n_seen == 160
    assert resumed.loss == whole.loss
    assert all((resumed.weights[name] == w).all() for name, w in whole.weights.items())
    assert [path.name for path in tmp_path.iterdir()] == ["training.pt"]


def test_only_the_same_training_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "training.pt"
    write_checkpoint(path, begun(), made_by=MADE_BY)

    with pytest.raises(TrainingError, match="another training: seed 1 instead of 2"):
        resume(path, begun(), made_by={**MADE_BY, "seed": 2})
    with pytest.raises(TrainingError, match="of another network"):
        resume(path, begun(shape=NetworkShape(width=8)), made_by={})


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut short"])
def test_a_damaged_checkpoint_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "training.pt"
    path.write_bytes(content)

    with pytest.raises(TrainingError, match="is damaged or no checkpoint"):
        resume(path, begun(), made_by={})


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_single_bit_is_not_trained_on(tmp_path: Path, share: float) -> None:
    path = tmp_path / "training.pt"
    write_checkpoint(path, begun(), made_by=MADE_BY)
    content = bytearray(path.read_bytes())
    numbers = begun().state()["average"][0].numpy().tobytes()
    content[content.rindex(numbers) + int(share * len(numbers))] ^= 1
    path.write_bytes(content)

    with pytest.raises(TrainingError, match="is damaged or no checkpoint"):
        resume(path, begun(), made_by=MADE_BY)


def test_a_missing_checkpoint_and_a_missing_folder_say_so(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "training.pt"

    with pytest.raises(TrainingError, match="cannot be read"):
        resume(path, begun(), made_by={})
    with pytest.raises(TrainingError, match="cannot be written"):
        write_checkpoint(path, begun(), made_by={})


def test_training_makes_the_loss_smaller() -> None:
    unseen, training = batches(6, first=300), begun(Plan(n_steps=120))
    before = mean_loss(network_of(training.weights), unseen, PLAN.loss)

    taught(training, batches(120))

    after = mean_loss(network_of(training.weights), unseen, PLAN.loss)
    assert after < 0.99 * before


def test_the_same_seed_learns_the_same() -> None:
    lessons = batches(3)

    first, again = (taught(begun(), lessons).weights for _ in range(2))
    other = taught(Training.begin(TINY, PLAN, seed=2), lessons).weights

    assert all((first[name] == again[name]).all() for name in first)
    assert (first["mix.weight"] != other["mix.weight"]).any()


def test_a_plan_in_steps_ends_after_them() -> None:
    training = begun(Plan(n_steps=7))

    told = list(learn(training, iter(batches(9))))

    assert len(told) == training.n_done == 7


def test_a_plan_in_minutes_ends_when_they_are_over() -> None:
    training, seconds = begun(Plan(minutes=1)), count(0, 10.0)

    list(learn(training, iter(batches(9)), clock=lambda: next(seconds)))

    assert training.n_done == 6
    assert training.seconds == 60


def test_minutes_of_an_earlier_run_count() -> None:
    training, seconds = begun(Plan(minutes=1)), count(100, 10.0)
    training.seconds = 35.0

    list(learn(training, iter(batches(9)), clock=lambda: next(seconds)))

    assert training.n_done == 3


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    plan = Plan(n_steps=1_000, peak_rate=1.0, warm_up_steps=10, final_share=0.1)

    rates = np.array([plan.rate(n, plan.progress(n, 0)) for n in range(1_001)])

    assert rates[[0, 4]] == pytest.approx([0.1, 0.5], rel=1e-3)
    assert rates[500] == pytest.approx(0.55)
    assert rates[1_000] == pytest.approx(0.1)
    assert (np.diff(rates[10:]) < 0).all()


def test_unknown_futures_stop_no_training() -> None:
    batch = batches(1)[0]
    unknown = batch._replace(changes=np.full_like(batch.changes, np.nan))

    training = taught(begun(), [unknown])

    assert all(np.isfinite(values).all() for values in training.weights.values())


def test_the_average_follows_the_network_slowly() -> None:
    lessons = batches(20)
    slow = Plan(n_steps=20, average_memory=1.0, loss=LossWeights(), warm_up_steps=1)

    training = taught(begun(slow), lessons)

    start = begun(slow).weights["head.bias"]
    fast = taught(begun(Plan(n_steps=20, average_memory=0.0, warm_up_steps=1)), lessons)
    moved = np.abs(training.weights["head.bias"] - start).mean()
    assert 0 < moved < np.abs(fast.weights["head.bias"] - start).mean()
