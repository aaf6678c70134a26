"""From contexts to what a model is shown, and to what it is shown of the mirror."""

from functools import cache
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from tsfm_runner.core.foundation.circumstances import circumstance_features
from tsfm_runner.core.foundation.movement import movement_features
from tsfm_runner.core.foundation.position import position_features
from tsfm_runner.core.foundation.season import season_features
from tsfm_runner.core.foundation.signature import (
    CONTEXT_STEPS,
    FEATURES,
    N_CHANNELS,
    N_FEATURES,
)
from tsfm_runner.core.foundation.volatility import volatility_features
from tsfm_runner.core.foundation.window import Window, open_window

_BOUND = 6
_SIGNED = (
    "logit_price",
    "price",
    "last_move",
    "above_mean_12",
    "above_mean_48",
    "above_mean",
    "change_12",
    "change_48",
)
_SWAPPED = ("below_high_48", "above_low_48")


class ModelInputs(NamedTuple):
    """What a model is shown, and what turns its answer into prices."""

    features: Float32Array  # (n, N_FEATURES)
    channels: Float32Array  # (n, 3, 288)
    last: FloatArray  # (n,), prices
    scale: FloatArray  # (n,), price units per square root of a step


def model_inputs(
    prices: FloatArray,
    lengths: IntArray,
    is_observed: BoolArray,
    step_minutes: FloatArray,
    steps_to_close: FloatArray,
) -> ModelInputs:
    """Return what a model of signature `tsfm-1` is shown of each context.

    Every feature is finite and within [-6, 6], whatever the context: a single
    price, one that never moves, one at 0 or 1. Each row depends on its own
    context alone.

    Parameters
    ----------
    prices : (n_markets, 288) array
        In [0, 1], ends aligned, oldest first, gaps filled forward; before the
        shorter contexts anything.
    lengths : (n_markets,) array of int
        Steps of each context, in [1, 288].
    is_observed : (n_markets, 288) array of bool
        False where a price was filled forward.
    step_minutes : (n_markets,) array
        Positive; between the steps.
    steps_to_close : (n_markets,) array
        Until trading ends; NaN where unknown. One that is not ahead counts as
        unknown.

    Returns
    -------
    ModelInputs

    Raises
    ------
    ValueError
        If the contexts have another width, a length lies outside [1, 288], or a
        price is not finite.

    Examples
    --------
    >>> inputs = model_inputs(
    ...     np.full((1, 288), 0.5),
    ...     np.array([2]),
    ...     np.ones((1, 288), dtype=bool),
    ...     np.array([5.0]),
    ...     np.array([np.nan]),
    ... )
    >>> inputs.channels[0, :, -3:].tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 1.0, 1.0]]

    """
    if prices.shape[1] != CONTEXT_STEPS:
        raise ValueError(f"contexts must be {CONTEXT_STEPS} steps wide")
    if not ((lengths >= 1) & (lengths <= CONTEXT_STEPS)).all():
        raise ValueError(f"lengths must be in [1, {CONTEXT_STEPS}]")
    window = open_window(prices, lengths)
    if not np.isfinite(window.scale).all():
        raise ValueError("prices must be finite")
    columns = {
        **position_features(window),
        **volatility_features(window),
        **season_features(window, step_minutes=step_minutes),
        **movement_features(window),
        **circumstance_features(
            window,
            is_observed=is_observed,
            step_minutes=step_minutes,
            steps_to_close=steps_to_close,
        ),
    }
    features = np.empty((lengths.size, N_FEATURES), dtype=np.float32)
    for number, name in enumerate(FEATURES):
        features[:, number] = columns[name]
    return ModelInputs(
        features=np.clip(features, -_BOUND, _BOUND, out=features),
        channels=_channels(window, is_observed),
        last=window.prices[:, -1],
        scale=window.scale,
    )


def mirrored(inputs: ModelInputs) -> ModelInputs:
    """Return what a model is shown of the opposite outcome, whose price is 1 - p.

    Parameters
    ----------
    inputs : ModelInputs

    Returns
    -------
    ModelInputs
        What `model_inputs` gives for 1 - p, but for rounding.

    """
    columns, signs = _reflection()
    channels = np.negative(inputs.channels)
    channels[:, 2] = inputs.channels[:, 2]
    return ModelInputs(
        features=inputs.features[:, columns] * signs,
        channels=channels,
        last=1 - inputs.last,
        scale=inputs.scale,
    )


@cache
def _reflection() -> tuple[IntArray, Float32Array]:
    """Return the column that each feature comes from, and with which sign."""
    columns = np.arange(N_FEATURES)
    swapped = [FEATURES.index(name) for name in _SWAPPED]
    columns[swapped] = swapped[::-1]
    signs = np.ones(N_FEATURES, dtype=np.float32)
    signs[[FEATURES.index(name) for name in _SIGNED]] = -1
    columns.setflags(write=False)
    signs.setflags(write=False)
    return columns, signs


def _channels(window: Window, is_observed: BoolArray) -> Float32Array:
    channels = np.empty((window.lengths.size, N_CHANNELS, CONTEXT_STEPS), np.float32)
    distance, change, known = channels.transpose(1, 0, 2)
    scale = window.scale[:, None].astype(np.float32)
    np.subtract(window.prices, window.prices[:, -1:], out=distance, casting="same_kind")
    distance *= window.is_valid
    distance /= scale
    change[:, 0] = 0
    change[:, 1:] = window.changes
    change[:, 1:] /= scale
    known[:] = window.is_valid & is_observed
    known += window.is_valid
    known -= 1
    _compress(channels[:, :2])
    return channels


def _compress(values: Float32Array) -> None:
    """Replace values by their inverse hyperbolic sine.

    ``np.arcsinh`` takes ten times as long; a logarithm is as good to 3e-7.
    """
    sizes = np.abs(values)
    roots = sizes * sizes
    roots += 1
    np.sqrt(roots, out=roots)
    roots += sizes
    np.log(roots, out=roots)
    np.copysign(roots, values, out=values)
