"""Go on training a model on recorded markets, and stop where it is at its best."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import onnx
import torch
from rich.console import Console

from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.batches import Batch, Recipe
from tsfm_runner.learning.graph import to_weights
from tsfm_runner.learning.loop import Plan, Training, mean_loss
from tsfm_runner.learning.network import Network, network_of
from tsfm_runner.learning.running import run_training
from tsfm_runner.learning.shape import Weights
from tsfm_runner.ports import Workers


class Tuned(NamedTuple):
    """The best weights that were met, and how good on the watched events.

    ``best_step`` is 0 where nothing was better than what the training began with.
    """

    weights: dict[str, Float32Array]
    loss_before: float
    loss: float
    best_step: int
    n_steps: int
    n_windows: int
    is_finished: bool


def read_network(content: bytes, *, name: str) -> Network:
    """Return the network of an ONNX file, which is whole.

    Raises
    ------
    TrainingError
        If the file is of another making, or of another signature.

    """
    try:
        return network_of(to_weights(onnx.load_model_from_string(content)))
    except (RuntimeError, ValueError) as exc:
        raise TrainingError(
            f"{name} cannot be trained on: its graph was not made by tsfm-runner"
        ) from exc


def tune(  # noqa: PLR0913 - one keyword for each thing that is handed in
    network: Network,
    recipe: Recipe,
    watched: Sequence[Batch],
    plan: Plan,
    *,
    workers: Workers,
    console: Console,
    look_every: int = 50,
) -> Tuned:
    """Train on from a network; what is kept is best on batches it never learns from.

    Recorded markets are few, and a network learns them by heart if it may.
    """
    torch.set_num_threads(1)  # the processors are for those who make the batches
    training = Training(network, plan)
    best = _Best(lambda weights: mean_loss(network_of(weights), watched, plan.loss))
    before = best.look(training)

    def after_step(one: Training) -> None:
        if one.n_done % look_every == 0 or one.progress >= 1:
            best.look(one)

    is_finished = run_training(
        training, recipe, workers=workers, after_step=after_step, console=console
    )
    return Tuned(
        best.weights,
        before,
        best.loss,
        best.step,
        training.n_done,
        training.n_seen,
        is_finished,
    )


def tuning_plan(*, n_steps: int, minutes: float) -> Plan:
    """Return a plan that changes a trained network with care."""
    return Plan(
        n_steps=n_steps,
        minutes=minutes,
        peak_rate=3e-4,
        warm_up_steps=50,
        average_memory=0.99,
    )


class _Best:
    """Remembers the best of all weights that it was shown."""

    def __init__(self, judge: Callable[[Weights], float]) -> None:
        self._judge = judge
        self.loss, self.step = math.inf, 0
        self.weights: dict[str, Float32Array] = {}

    def look(self, training: Training) -> float:
        weights = training.weights
        loss = self._judge(weights)
        if not self.weights or loss < self.loss:
            self.loss, self.step, self.weights = loss, training.n_done, weights
        return loss
