"""Features of a model: where a price is, and where it stands beside its past."""

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.foundation.averaging import recent_means
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.core.foundation.window import Window

_EDGE = 5e-4  # prices nearer than this to 0 or 1 are told as if they were there
_RECENT_STEPS = (12, 48, CONTEXT_STEPS)
_GRID_TOLERANCE = 1 / 30_000  # no price of few digits lies just so far off a grid
_GRIDS = {"cent_share": 100, "half_cent_share": 200, "tenth_cent_share": 1000}


def position_features(window: Window) -> dict[str, FloatArray]:
    """Return where each price is, and where beside its own recent past.

    Parameters
    ----------
    window : Window

    Returns
    -------
    dict of str to (n_markets,) array
        By the name of the feature; not yet bounded.

    """
    last = window.prices[:, -1]
    return {
        **_level_features(last, window.scale),
        **_beside_means(window),
        **_in_ranges(window),
        "change_12": np.arcsinh((last - window.prices[:, -13]) / window.scale),
        "change_48": np.arcsinh((last - window.prices[:, -49]) / window.scale),
        **_grid_shares(window),
    }


def _level_features(last: FloatArray, scale: FloatArray) -> dict[str, FloatArray]:
    price = np.clip(last, _EDGE, 1 - _EDGE)
    cents = last * 100
    log_scale = np.log(scale)
    return {
        "logit_price": np.log(price / (1 - price)) / 3,
        "price": 2 * last - 1,
        "log_edge_distance": np.log(np.minimum(price, 1 - price)) / 2 + 1,
        "cent_distance": np.abs(cents - np.rint(cents)) * 2,
        "log_scale": (log_scale + 5.5) / 1.5,
        "log_logit_scale": (log_scale - np.log(price * (1 - price)) + 3) / 2,
    }


def _beside_means(window: Window) -> dict[str, FloatArray]:
    above = window.prices[:, -1:] - window.prices
    above *= window.is_valid
    means = recent_means(above, window.lengths, windows=_RECENT_STEPS)
    mean_12, mean_48, mean = np.arcsinh(means / window.scale)
    return {"above_mean_12": mean_12, "above_mean_48": mean_48, "above_mean": mean}


def _in_ranges(window: Window) -> dict[str, FloatArray]:
    parts = (
        window.prices[:, -12:],
        window.prices[:, -48:-12],
        window.prices[:, :-48],
    )
    (high_12, low_12), (high_48, low_48), (high, low) = (
        (part.max(axis=1), part.min(axis=1)) for part in parts
    )
    high_48, low_48 = np.maximum(high_12, high_48), np.minimum(low_12, low_48)
    high, low = np.maximum(high_48, high), np.minimum(low_48, low)
    last, scale = window.prices[:, -1], window.scale
    return {
        "range_12": np.arcsinh((high_12 - low_12) / scale) / 2,
        "range_48": np.arcsinh((high_48 - low_48) / scale) / 2,
        "range": np.arcsinh((high - low) / scale) / 3,
        "below_high_48": np.arcsinh((high_48 - last) / scale) / 2,
        "above_low_48": np.arcsinh((last - low_48) / scale) / 2,
    }


def _grid_shares(window: Window) -> dict[str, FloatArray]:
    """Return how many of the known prices stand on each grid."""
    shares = {}
    for name, n_points in _GRIDS.items():
        distance = window.prices * n_points
        distance -= np.rint(distance)
        is_on_grid = np.abs(distance, out=distance) < _GRID_TOLERANCE * n_points
        is_on_grid &= window.is_valid
        shares[name] = is_on_grid.sum(axis=1) / window.lengths
    return shares
