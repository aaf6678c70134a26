"""How large a network is, without building one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.foundation.signature import (
    ANCHOR_STEPS,
    CONTEXT_STEPS,
    N_CHANNELS,
    N_FEATURES,
    NATIVE_LEVELS,
)

Weights: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
"""The numbers of a network, by the names that the training and the graph share."""

KERNELS = ((4, 4), (3, 3), (3, 2), (3, 2))
"""Length and stride of each convolution: 288 steps become 72, 24, 11 and 5."""
POOLED = 1
"""The convolution whose answers are averaged over time as well."""
RECENT_STEPS = 24
"""Newest steps that reach the first dense layer as they are."""
MAX_LOG_SCALE = 6.0
"""Bound on the logarithm of what a step's quantiles are stretched by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape:
    """Widths of the pyramid of convolutions and of the dense blocks above it."""

    first_channels: int = 32
    channels: int = 64
    width: int = 256
    n_blocks: int = 2
    expansion: int = 2

    @classmethod
    def of(cls, weights: Weights) -> Self:
        """Read the shape off the weights of a network.

        Raises
        ------
        KeyError
            If these are not the weights of such a network.

        """
        width = weights["mix.weight"].shape[0]
        n_blocks = sum(name.endswith("narrow.weight") for name in weights)
        return cls(
            first_channels=weights["convolutions.0.weight"].shape[0],
            channels=weights["convolutions.1.weight"].shape[0],
            width=width,
            n_blocks=n_blocks,
            expansion=weights["blocks.0.wide.weight"].shape[0] // width,
        )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read ``width=256,n_blocks=3``; what is not named keeps its default.

        Raises
        ------
        ValueError
            If a name is unknown or a number is no whole number above zero.

        """
        known, values = cls.__dataclass_fields__, dict[str, int]()
        for part in filter(None, text.split(",")):
            name, _, number = part.partition("=")
            if name not in known or not number.isdigit() or not int(number):
                raise ValueError(f"{part!r} is not NAME=NUMBER of {', '.join(known)}")
            values[name] = int(number)
        return cls(**values)

    @property
    def channel_counts(self) -> tuple[int, ...]:
        """How many channels go into the first convolution and come out of each."""
        return N_CHANNELS, self.first_channels, *[self.channels] * (len(KERNELS) - 1)

    @property
    def parts(self) -> tuple[int, ...]:
        """Sizes of what the first dense layer is shown, one part beside the other."""
        length = CONTEXT_STEPS
        for kernel, stride in KERNELS:
            length = (length - kernel) // stride + 1
        recent = N_CHANNELS * RECENT_STEPS
        return N_FEATURES, self.channels * length, recent, self.channels

    @property
    def made_by(self) -> dict[str, Any]:
        """The widths by name, for the provenance of a model."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


N_STEPS = len(ANCHOR_STEPS)
N_LEVELS = len(NATIVE_LEVELS)
MEDIAN = N_LEVELS // 2


def level_ladder() -> npt.NDArray[np.float32]:
    """Return what turns gaps between neighbouring levels into offsets of the median.

    Shape ``(n_levels - 1, n_levels)``: a level above the median adds the gaps
    between it and the median, one below takes them away.
    """
    gap, level = np.ogrid[: N_LEVELS - 1, :N_LEVELS]
    is_above = (gap >= MEDIAN) & (gap < level)
    is_below = (gap < MEDIAN) & (gap >= level)
    return is_above.astype(np.float32) - is_below.astype(np.float32)
