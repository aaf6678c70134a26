"""Kalman baseline: a local level model with its steady-state filter."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.ewma import exponential_mean
from tsfm_runner.core.levels import normal_scores

_MAX_NOISE_SHARE = 0.49


class LocalLevel(NamedTuple):
    """Variances of a local level model, each of shape (n_markets,).

    The level moves by ``level_variance`` a step, and each observation stands
    around it with ``noise_variance``.
    """

    level_variance: FloatArray
    noise_variance: FloatArray


def fit_local_level(
    context: FloatArray, *, half_life_steps: float, floor: FloatArray
) -> LocalLevel:
    """Return the variances that explain the autocovariances of the changes.

    For a local level model the changes have variance q + 2r and covariance -r at
    lag one; both are estimated with exponential weights and solved for q and r.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Ends aligned; NaN before the shorter ones, finite from there on.
    half_life_steps : float
        Steps after which a change counts half.
    floor : (n_markets,) array
        Least scale of one step of the level, positive, in units of ``context``.

    References
    ----------
    Harvey (1989), Forecasting, structural time series models and the Kalman
    filter, section 2.4.

    """
    changes = np.diff(context)
    variance = exponential_mean(changes**2, half_life_steps=half_life_steps)
    products = changes[:, 1:] * changes[:, :-1]
    covariance = exponential_mean(products, half_life_steps=half_life_steps)
    noise = np.clip(-covariance, 0, _MAX_NOISE_SHARE * variance)
    return LocalLevel(np.maximum(variance - 2 * noise, floor**2), noise)


def filter_level(
    context: FloatArray, model: LocalLevel
) -> tuple[FloatArray, FloatArray]:
    """Return the filtered last level and its variance, with the steady-state gain.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Ends aligned; NaN before the shorter ones, finite from there on.
    model : LocalLevel
        ``level_variance`` positive.

    Returns
    -------
    level, variance : (n_markets,) arrays
        In units of ``context``, and squared. The first point starts the level.

    Examples
    --------
    >>> model = LocalLevel(np.array([1.0]), np.array([2.0]))
    >>> level, variance = filter_level(np.array([[0.0, 4.0]]), model)
    >>> level.tolist(), variance.tolist()
    ([2.0], [1.0])

    """
    q, r = model
    predicted = (q + np.sqrt(q**2 + 4 * q * r)) / 2
    gain = predicted / (predicted + r)
    age = np.arange(context.shape[1])[::-1]
    weights = gain[:, None] * (1 - gain[:, None]) ** age
    is_known = ~np.isnan(context)
    weights[~is_known] = 0
    rows, first = np.arange(len(context)), is_known.argmax(axis=1)
    weights[rows, first] += 1 - weights.sum(axis=1)
    level = (weights * np.nan_to_num(context)).sum(axis=1)
    return level, predicted * (1 - gain)


def kalman_quantiles(
    context: FloatArray,
    *,
    horizon: int,
    quantile_levels: Sequence[float],
    half_life_steps: float,
    floor: FloatArray,
) -> FloatArray:
    """Return normal quantiles of a local level model's predictions.

    Step h has variance P + h q + r, with P the variance of the filtered level.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Ends aligned; NaN before the shorter ones, finite from there on.
    horizon : int
        Number of steps.
    quantile_levels : sequence of float
        Ascending, in (0, 1).
    half_life_steps, floor
        See ``fit_local_level``.

    Returns
    -------
    (n_markets, horizon, n_levels) array
        In units of ``context``; 0.5 is the filtered level.

    """
    model = fit_local_level(context, half_life_steps=half_life_steps, floor=floor)
    level, variance = filter_level(context, model)
    steps = np.arange(1, horizon + 1)
    ahead = variance + model.noise_variance
    scale = np.sqrt(ahead[:, None] + model.level_variance[:, None] * steps)
    return level[:, None, None] + scale[:, :, None] * normal_scores(quantile_levels)
