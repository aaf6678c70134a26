"""Weights of a small network, without torch."""

import numpy as np

from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.learning.shape import KERNELS, N_LEVELS, N_STEPS, NetworkShape

TINY = NetworkShape(first_channels=3, channels=4, width=6, n_blocks=2, expansion=2)


def random_weights(shape: NetworkShape, *, seed: int) -> dict[str, Float32Array]:
    """Draw weights of the names and sizes that a network of this shape has."""
    rng, counts, width = np.random.default_rng(seed), shape.channel_counts, shape.width
    sizes: dict[str, tuple[int, ...]] = {}
    for number, (length, _) in enumerate(KERNELS):
        inner = (counts[number + 1], counts[number], length)
        sizes |= _layer(f"convolutions.{number}", inner)
    sizes |= _layer("mix", (width, sum(shape.parts)))
    for number in range(shape.n_blocks):
        sizes |= _layer(f"blocks.{number}.norm", (width,))
        sizes |= _layer(f"blocks.{number}.wide", (width * shape.expansion, width))
        sizes |= _layer(f"blocks.{number}.narrow", (width, width * shape.expansion))
    sizes |= _layer("norm", (width,))
    sizes |= _layer("head", (N_STEPS * (N_LEVELS + 1), width))
    return {
        name: rng.normal(0, 0.3, size).astype(np.float32)
        for name, size in sizes.items()
    }


def _layer(name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": size, f"{name}.bias": size[:1]}
