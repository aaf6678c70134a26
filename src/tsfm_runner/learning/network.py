"""The network itself: a pyramid of convolutions and features, quantiles above."""

from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tsfm_runner.core.foundation.signature import NATIVE_LEVELS
from tsfm_runner.learning.shape import (
    KERNELS,
    MAX_LOG_SCALE,
    MEDIAN,
    N_LEVELS,
    N_STEPS,
    POOLED,
    RECENT_STEPS,
    NetworkShape,
    Weights,
    level_ladder,
)

FIRST_SPREAD = 0.6
"""How far quantiles lie apart before training, in those of a normal change."""
HEAD_SHRINK = 0.1


class Network(nn.Module):  # type: ignore[misc]  # torch is not always there
    """Features and channels in, ascending quantile offsets of each step out.

    ``offsets`` has shape ``(n, n_steps, n_levels)``: the median and, above and
    below it, cumulated gaps that are never negative, times a scale of each step.
    """

    def __init__(self, shape: NetworkShape) -> None:
        """Draw first weights from torch's own generator."""
        super().__init__()
        self.shape = shape
        counts, width = shape.channel_counts, shape.width
        self.convolutions = nn.ModuleList(
            nn.Conv1d(counts[i], counts[i + 1], length, stride)
            for i, (length, stride) in enumerate(KERNELS)
        )
        self.mix = nn.Linear(sum(shape.parts), width)
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.n_blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, N_STEPS * (N_LEVELS + 1))
        ladder = torch.from_numpy(level_ladder())
        self.register_buffer("ladder", ladder, persistent=False)
        self._start_well()

    def forward(self, features: Tensor, channels: Tensor) -> Tensor:
        """Return offsets in units of scale times the root of the step."""
        seen = channels
        for number, convolution in enumerate(self.convolutions):
            seen = functional.gelu(convolution(seen))
            if number == POOLED:
                pooled = seen.mean(-1)
        recent = channels[:, :, -RECENT_STEPS:].flatten(1)
        parts = (features, seen.flatten(1), recent, pooled)
        mixed = self.mix(torch.cat(parts, 1))
        for block in self.blocks:
            mixed = mixed + block(mixed)
        raw = self.head(functional.gelu(self.norm(mixed)))
        return self._quantiles(raw.view(-1, N_STEPS, N_LEVELS + 1))

    def _quantiles(self, raw: Tensor) -> Tensor:
        below, median, above, log_scale = raw.split(
            [MEDIAN, 1, N_LEVELS - 1 - MEDIAN, 1], -1
        )
        gaps = functional.softplus(torch.cat((below, above), -1))
        scale = log_scale.clamp(-MAX_LOG_SCALE, MAX_LOG_SCALE).exp()
        return (gaps @ self.ladder + median) * scale

    def _start_well(self) -> None:
        """Weigh the parts of the first layer alike, and start from a normal band."""
        levels = [NormalDist().inv_cdf(level) for level in NATIVE_LEVELS]
        apart = [FIRST_SPREAD * (high - low) for low, high in pairwise(levels)]
        raw = torch.tensor(apart).expm1().log()
        zero = torch.zeros(1)
        row = torch.cat((raw[:MEDIAN], zero, raw[MEDIAN:], zero))
        with torch.no_grad():
            columns = self.mix.weight.split(self.shape.parts, 1)
            for part, size in zip(columns, self.shape.parts, strict=True):
                part.uniform_(-(size**-0.5), size**-0.5)
            self.head.weight.mul_(HEAD_SHRINK)
            self.head.bias.copy_(row.repeat(N_STEPS))


class _Block(nn.Module):  # type: ignore[misc]
    """What a residual step adds."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        inner = shape.width * shape.expansion
        self.norm = nn.LayerNorm(shape.width)
        self.wide = nn.Linear(shape.width, inner)
        self.narrow = nn.Linear(inner, shape.width)

    def forward(self, mixed: Tensor) -> Tensor:
        return self.narrow(functional.gelu(self.wide(self.norm(mixed))))


def n_weights(network: nn.Module) -> int:
    """Count the numbers that training moves."""
    return sum(weight.numel() for weight in network.parameters())


def weights_of(network: nn.Module) -> dict[str, npt.NDArray[np.float32]]:
    """Copy a network's weights out of torch."""
    return {
        name: value.detach().cpu().numpy().copy()
        for name, value in network.state_dict().items()
    }


def network_of(weights: Weights) -> Network:
    """Build the network that has these weights."""
    network = Network(NetworkShape.of(weights))
    network.load_state_dict(
        {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    )
    return network
