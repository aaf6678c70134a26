"""Learn from batch after batch, so that it can be stopped and gone on with."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self

import torch
from torch import Tensor

from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.batches import Batch
from tsfm_runner.learning.loss import LossWeights, pinball_loss
from tsfm_runner.learning.network import Network
from tsfm_runner.learning.shape import NetworkShape

LOSS_MEMORY = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how fast to learn; it ends by steps or by minutes.

    The rate warms up, then falls along a cosine to ``final_share`` of its peak.
    Counted in steps, an interrupted training ends where another would have; counted
    in minutes, it ends when they are over.
    """

    n_steps: int | None = None
    minutes: float | None = None
    peak_rate: float = 2e-3
    warm_up_steps: int = 100
    final_share: float = 0.02
    weight_decay: float = 0.01
    most_gradient: float = 1.0
    average_memory: float = 0.999
    loss: LossWeights = field(default_factory=LossWeights)

    def progress(self, n_done: int, seconds: float) -> float:
        """Return how much of the training is over, 1 or more at its end."""
        by_steps = n_done / self.n_steps if self.n_steps else 0.0
        by_time = seconds / 60 / self.minutes if self.minutes else 0.0
        return max(by_steps, by_time)

    def rate(self, n_done: int, progress: float) -> float:
        """Return the learning rate of the next step."""
        warmth = min(1.0, (n_done + 1) / self.warm_up_steps)
        fall = (1 + math.cos(math.pi * min(progress, 1.0))) / 2
        share = self.final_share + (1 - self.final_share) * fall
        return self.peak_rate * warmth * share


class Training:
    """A network that is being trained, and its average over the last steps.

    The average is what is kept in the end: it is steadier than the network itself.
    """

    def __init__(self, network: Network, plan: Plan, *, device: str = "cpu") -> None:
        """Take a network to go on from; nothing is learned yet."""
        self.plan = plan
        self.n_done = 0
        self.n_seen = 0
        self.seconds = 0.0
        self._device = torch.device(device)
        self._network = network.to(self._device)
        names, values = zip(*network.named_parameters(), strict=True)
        self._names: tuple[str, ...] = names
        self._values: list[Tensor] = list(values)
        self._average = [value.detach().clone() for value in values]
        self._loss = torch.zeros((), device=self._device)
        # Biases and the gains of norms are left alone: decay is for what multiplies.
        decayed = [value for value in values if value.ndim > 1]
        others = [value for value in values if value.ndim <= 1]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": plan.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=plan.peak_rate,
            betas=(0.9, 0.98),
            fused=True,
        )

    @classmethod
    def begin(
        cls, shape: NetworkShape, plan: Plan, *, seed: int, device: str = "cpu"
    ) -> Self:
        """Begin with weights that the seed alone decides."""
        torch.manual_seed(seed)
        return cls(Network(shape), plan, device=device)

    @property
    def progress(self) -> float:
        """How much of the training is over."""
        return self.plan.progress(self.n_done, self.seconds)

    @property
    def loss(self) -> float:
        """The mean loss of the last steps."""
        known = 1 - LOSS_MEMORY**self.n_done
        return float(self._loss) / known if known else math.nan

    @property
    def weights(self) -> dict[str, Float32Array]:
        """What would be kept if this were the end."""
        values = (value.cpu().numpy().copy() for value in self._average)
        return dict(zip(self._names, values, strict=True))

    def step(self, batch: Batch) -> None:
        """Learn from one batch."""
        plan = self.plan
        features, channels, changes, scale = _tensors(batch, self._device)
        rate = plan.rate(self.n_done, self.progress)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        offsets = self._network(features, channels)
        loss = pinball_loss(offsets, changes, scale, weights=plan.loss)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._values, plan.most_gradient)
        self._optimizer.step()
        self._remember(loss.detach())
        self.n_seen += len(batch.scale)

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on, in plain types and tensors."""
        return {
            "n_done": self.n_done,
            "n_seen": self.n_seen,
            "seconds": self.seconds,
            "loss": self._loss,
            "network": self._network.state_dict(),
            "average": self._average,
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where a training of the same network stood.

        Raises
        ------
        TrainingError
            If the state is that of a network of another shape.

        """
        try:
            self._network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            torch._foreach_copy_(self._average, state["average"])
            self._loss.copy_(state["loss"])
            self.n_done, self.n_seen = int(state["n_done"]), int(state["n_seen"])
            self.seconds = float(state["seconds"])
        except (KeyError, RuntimeError, TypeError, ValueError) as exc:
            raise TrainingError("the checkpoint is of another network") from exc

    def _remember(self, loss: Tensor) -> None:
        self.n_done += 1
        memory = min(self.plan.average_memory, (1 + self.n_done) / (10 + self.n_done))
        with torch.no_grad():
            torch._foreach_lerp_(self._average, self._values, 1 - memory)
        self._loss.lerp_(loss, 1 - LOSS_MEMORY)


def learn(
    training: Training,
    batches: Iterator[Batch],
    *,
    clock: Callable[[], float] = monotonic,
) -> Iterator[Training]:
    """Learn until the plan is over; yield after each step, for whoever looks on."""
    begun = clock() - training.seconds
    while training.progress < 1:
        training.step(next(batches))
        training.seconds = clock() - begun
        yield training


def mean_loss(
    network: Network, batches: Iterable[Batch], weights: LossWeights
) -> float:
    """Return the loss of a network on batches that it does not learn from."""
    cpu = torch.device("cpu")
    losses = []
    with torch.no_grad():
        for batch in batches:
            features, channels, changes, scale = _tensors(batch, cpu)
            offsets = network(features, channels)
            loss = pinball_loss(offsets, changes, scale, weights=weights)
            losses.append(float(loss))
    return sum(losses) / len(losses)


def _tensors(batch: Batch, device: torch.device) -> Iterator[Tensor]:
    return (torch.from_numpy(array).to(device) for array in batch)
