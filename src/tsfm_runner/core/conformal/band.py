"""From margins to prices: the calibrated band, on the grid of the market."""

import numpy as np

from tsfm_runner.core.arrays import FloatArray

_GRID_TOLERANCE = 1e-4  # of a tick
_SMALLEST_TICK = 1e-9  # a finer grid is none


def outward_margins(
    margins: FloatArray, *, price: FloatArray, tails: FloatArray
) -> FloatArray:
    """Return, for each level, the margin of its side, with its sign.

    A market below 0.5 has its inner side above it and one above 0.5 below: so a
    market and its complement get bands that mirror each other.

    Parameters
    ----------
    margins : (n_markets, horizon, 2, n_levels) array
        Margins of the inner and of the outer side at the tail of each level.
    price : (n_markets, horizon) array
        Medians.
    tails : (n_levels,) array
        Signed tails: level - 0.5, so negative below the median.

    Returns
    -------
    (n_markets, horizon, n_levels) array

    """
    is_inner = (tails > 0) == (price <= 0.5)[..., None]  # noqa: PLR2004 - the middle
    chosen = np.where(is_inner, margins[:, :, 0], margins[:, :, 1])
    return np.asarray(np.sign(tails) * chosen)


def calibrated_band(
    median: FloatArray, scale: FloatArray, margins: FloatArray, *, tick: FloatArray
) -> FloatArray:
    """Return prices: the median moved by the margins, in [0, 1], in order.

    Edges are moved inward to the price grid, where there is one: outcomes stand on
    the grid, so this lets none out, and the band is narrower for it.

    Parameters
    ----------
    median, scale : (n_markets, horizon) array
        Probability units.
    margins : (n_markets, horizon, n_levels) array
        Signed, in units of the scale, levels ascending.
    tick : (n_markets,) array
        Probability units; NaN where there is no grid.

    Returns
    -------
    (n_markets, horizon, n_levels) array

    Examples
    --------
    >>> calibrated_band(
    ...     np.array([[0.5]]),
    ...     np.array([[0.02]]),
    ...     np.array([[[-1.8, 0.0, 1.2]]]),
    ...     tick=np.array([0.01]),
    ... ).round(6).tolist()
    [[[0.47, 0.5, 0.52]]]

    """
    centre = median[..., None]
    prices = _ordered(centre + scale[..., None] * margins)
    has_grid = tick >= _SMALLEST_TICK
    if not has_grid.any():
        return prices
    grid = np.where(has_grid, tick, 1.0)[:, None, None]
    ticks = prices / grid
    below = np.ceil(ticks - _GRID_TOLERANCE) * grid
    above = np.floor(ticks + _GRID_TOLERANCE) * grid
    is_moved = (margins != 0) & has_grid[:, None, None]
    inward = np.where(margins < 0, np.minimum(below, centre), np.maximum(above, centre))
    return _ordered(np.where(is_moved, inward, prices))


def _ordered(prices: FloatArray) -> FloatArray:
    """Return prices within [0, 1], none below that of a lower level."""
    bounded = np.minimum(np.maximum(prices, 0), 1)
    return np.maximum.accumulate(bounded, axis=-1, out=bounded)
