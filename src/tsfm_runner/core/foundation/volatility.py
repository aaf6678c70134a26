"""Features of a model: how far a price moved lately, beside its whole context."""

from functools import cache

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.core.foundation.window import LEAST_VARIANCE, Window

_HALF_LIVES = (3, 12, 48, 144)
_SURPRISE_HALF_LIFE = 12
_RECENT_STEPS = (3, 6, 24)
_LEAST_MOVE = 0.02  # in scales, where the logarithm of a mean move levels off
_LEAST_SURPRISE = 0.05  # the same, for one move beside the mean of others
_LEAST_WEIGHT = 1e-300  # in place of 0, where there is nothing to divide


def volatility_features(window: Window) -> dict[str, FloatArray]:
    """Return how far each price moved lately, in units of its scale.

    Volatility clusters: what a price does next depends on how far it moved in the
    last few steps, beside what is usual for it.

    Parameters
    ----------
    window : Window

    Returns
    -------
    dict of str to (n_markets,) array
        By the name of the feature; not yet bounded.

    """
    scale = window.scale
    features = {}
    for half_life in _HALF_LIVES:
        variance = _recent_mean(window.squares, window, half_life=half_life)
        share = (variance + LEAST_VARIANCE / 4) / scale**2
        features[f"log_volatility_{half_life}"] = np.log(share) / 2
    for n_steps in _RECENT_STEPS:
        n_known = np.minimum(np.maximum(window.n_changes, 1), n_steps)
        move = window.sizes[:, -n_steps:].sum(axis=1) / n_known
        features[f"log_mean_move_{n_steps}"] = np.log(move / scale + _LEAST_MOVE) / 2
    largest_12 = window.sizes[:, -12:].max(axis=1)
    largest = np.maximum(largest_12, window.sizes[:, :-12].max(axis=1))
    return {
        **features,
        "newest_move_surprise": _surprise(window),
        "largest_move_12": np.arcsinh(largest_12 / scale) / 2,
        "largest_move": np.arcsinh(largest / scale) / 2,
    }


def _surprise(window: Window) -> FloatArray:
    """Return the logarithm of the newest move's size beside the recent mean."""
    usual = _recent_mean(window.sizes, window, half_life=_SURPRISE_HALF_LIFE)
    least = _LEAST_SURPRISE * window.scale
    return np.log((window.sizes[:, -1] + least) / (usual + least))


def _recent_mean(terms: FloatArray, window: Window, *, half_life: int) -> FloatArray:
    """Return the mean of known terms with weights that halve every so many steps.

    ``@`` could add in another order for many rows than for one.
    """
    weights, totals = _weights(half_life)
    return np.asarray(np.einsum("ms,s->m", terms, weights) / totals[window.n_changes])


@cache
def _weights(half_life: int) -> tuple[FloatArray, FloatArray]:
    """Return the weight of each change, and the sum over the last n, from 0 on."""
    weights = 0.5 ** (np.arange(CONTEXT_STEPS - 1)[::-1] / half_life)
    totals = np.concatenate(([_LEAST_WEIGHT], np.cumsum(weights[::-1])))
    weights.setflags(write=False)
    totals.setflags(write=False)
    return weights, totals
