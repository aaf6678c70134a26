"""Features of a model: how far a price moved lately, beside its whole context."""

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.foundation.averaging import log_moves, recent_means
from tsfm_runner.core.foundation.window import LEAST_VARIANCE, Window

_HALF_LIVES = (3, 12, 48, 144)
_SURPRISE_HALF_LIFE = 12
_RECENT_STEPS = (3, 6, 24)
_LEAST_SURPRISE = 0.05  # the same, for one move beside the mean of others


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
    largest_12 = window.sizes[:, -12:].max(axis=1)
    largest = np.maximum(largest_12, window.sizes[:, :-12].max(axis=1))
    return {
        **_log_volatilities(window),
        **_mean_moves(window),
        "largest_move_12": np.arcsinh(largest_12 / window.scale) / 2,
        "largest_move": np.arcsinh(largest / window.scale) / 2,
    }


def _log_volatilities(window: Window) -> dict[str, FloatArray]:
    variances = recent_means(window.squares, window.n_changes, half_lives=_HALF_LIVES)
    values = np.log((variances + LEAST_VARIANCE / 4) / window.scale**2) / 2
    return {
        f"log_volatility_{half_life}": value
        for half_life, value in zip(_HALF_LIVES, values, strict=True)
    }


def _mean_moves(window: Window) -> dict[str, FloatArray]:
    """Return mean moves, and the newest one beside the mean of those before."""
    usual, *means = recent_means(
        window.sizes,
        window.n_changes,
        half_lives=(_SURPRISE_HALF_LIFE,),
        windows=_RECENT_STEPS,
    )
    values = log_moves(np.array(means), window.scale)
    names = [f"log_mean_move_{n_steps}" for n_steps in _RECENT_STEPS]
    least = _LEAST_SURPRISE * window.scale
    surprise = np.log((window.sizes[:, -1] + least) / (usual + least))
    return {**dict(zip(names, values, strict=True)), "newest_move_surprise": surprise}
