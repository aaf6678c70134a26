"""From what a model answers to quantiles of prices, at every step ahead."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import Float32Array, FloatArray, IntArray
from tsfm_runner.core.foundation.inputs import ModelInputs

_LADDERS_REMEMBERED = 256


def price_quantiles(
    offsets: Float32Array,
    mirrored_offsets: Float32Array,
    inputs: ModelInputs,
    *,
    steps: Sequence[int],
    horizon: int,
) -> FloatArray:
    """Return the quantiles of each price after 1 to ``horizon`` steps.

    What the model says of a market and of its opposite is averaged, so both get
    the same band, mirrored. Between the steps that the model answers, changes
    grow linearly in the square root of time; after the last one, in proportion
    to it.

    Parameters
    ----------
    offsets : (n_markets, n_steps, n_levels) array
        Quantiles of the change after each step that the model answers, in units
        of scale times the square root of the step; ascending over levels that
        are symmetric about 0.5.
    mirrored_offsets : (n_markets, n_steps, n_levels) array
        The same for the `mirrored` inputs.
    inputs : ModelInputs
        Of the markets themselves.
    steps : (n_steps,) sequence of int
        The steps that the model answers, ascending, the first of them 1.
    horizon : int
        Number of steps.

    Returns
    -------
    (n_markets, horizon, n_levels) array
        Prices in [0, 1], ascending over the levels.

    Examples
    --------
    A change of two scales after one step and after four: at step 4 it is as much
    again for the square root of the time.

    >>> inputs = ModelInputs(
    ...     np.zeros((1, 0), np.float32),
    ...     np.zeros((1, 3, 288), np.float32),
    ...     np.array([0.5]),
    ...     np.array([0.0625]),
    ... )
    >>> offsets = np.array([[[-2.0, 0.0, 2.0], [-2.0, 0.0, 2.0]]], np.float32)
    >>> price_quantiles(offsets, offsets, inputs, steps=(1, 4), horizon=4)[0, [0, 3]]
    array([[0.375, 0.5  , 0.625],
           [0.25 , 0.5  , 0.75 ]])

    """
    ladder = _ladder(tuple(steps), horizon=horizon, n_levels=offsets.shape[2])
    both = offsets.astype(np.float64)
    both -= mirrored_offsets[..., ::-1]
    both *= inputs.scale[:, None, None] / 2
    prices = both.take(ladder.below, axis=1)
    prices *= ladder.below_weights
    above = both.take(ladder.above, axis=1)
    above *= ladder.above_weights
    prices += above
    prices += inputs.last[:, None, None]
    return np.clip(prices, 0, 1, out=prices)


class _Ladder(NamedTuple):
    """For each step ahead the two answers that it lies between, and their weights.

    The weights are the same at every level, and written out: many short loops
    take longer than one.
    """

    below: IntArray  # (horizon,)
    above: IntArray  # (horizon,)
    below_weights: FloatArray  # (horizon, n_levels)
    above_weights: FloatArray  # (horizon, n_levels)


@lru_cache(maxsize=_LADDERS_REMEMBERED)
def _ladder(steps: tuple[int, ...], *, horizon: int, n_levels: int) -> _Ladder:
    roots = np.sqrt(steps)
    wanted = np.sqrt(np.arange(1, horizon + 1))
    below = np.searchsorted(roots, wanted, side="right") - 1
    above = np.minimum(below + 1, roots.size - 1)
    is_last = below == above
    distance = np.where(is_last, 1, roots[above] - roots[below])
    part = np.where(is_last, 0, (wanted - roots[below]) / distance)
    below_weights = np.where(is_last, wanted, roots[below] * (1 - part))
    above_weights = roots[above] * part
    ladder = _Ladder(
        below,
        above,
        *(
            np.repeat(weights[:, None], n_levels, axis=1)
            for weights in (below_weights, above_weights)
        ),
    )
    for array in ladder:
        array.setflags(write=False)
    return ladder
