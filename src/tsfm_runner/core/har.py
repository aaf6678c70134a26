"""HAR bands: how far prices move, from how far they moved over several windows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray
from tsfm_runner.core.har_table import HarTable

__all__ = [
    "HarReach",
    "HarTable",
    "half_widths",
    "har_features",
    "har_quantiles",
    "har_reach",
    "har_scale",
]


def har_quantiles(
    context: FloatArray,
    *,
    horizon: int,
    quantile_levels: Sequence[float],
    table: HarTable,
) -> FloatArray:
    """Return the HAR band around the last value of each market.

    The change over h steps is distributed like the table's offsets times the
    expected absolute change (see `har_scale`). A band never narrows with the
    step: each offset is the largest so far.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices in [0, 1], oldest first, right-aligned; NaN where unknown, each
        row with a value that is known.
    horizon : int
        Number of steps, at most the last of the table.
    quantile_levels : sequence of float
        Levels, ascending, inside those of the table.
    table : HarTable
        Fitted constants.

    Returns
    -------
    (n_markets, horizon, n_levels) array
        Prices, ascending over the levels, exactly the last value at level 0.5;
        *not* clipped to [0, 1].

    Raises
    ------
    ValueError
        If a level or the horizon lies outside the table, or a row of the context
        has no known value.

    References
    ----------
    Corsi (2009), A Simple Approximate Long-Memory Model of Realized Volatility,
    Journal of Financial Econometrics 7(2).

    Examples
    --------
    >>> table = HarTable.from_mapping(
    ...     {
    ...         "steps": [1, 4],
    ...         "windows": [2],
    ...         "coefficients": [[1, 0, 0, 0], [2, 0, 0, 0]],
    ...         "prior": [0, 0, 0],
    ...         "prior_weight": 1,
    ...         "levels": [0.1, 0.5, 0.9],
    ...         "offsets": [[-2, 0, 3], [-2, 0, 3]],
    ...         "floor": 0.001,
    ...     }
    ... )
    >>> context = np.array([[0.50, 0.52, 0.48]])
    >>> har_quantiles(context, horizon=1, quantile_levels=(0.1, 0.5, 0.9), table=table)
    array([[[0.42, 0.48, 0.57]]])

    """
    levels = np.asarray(quantile_levels, dtype=np.float64)
    if levels.min() < table.levels[0] or levels.max() > table.levels[-1]:
        raise ValueError(
            f"levels must lie in [{table.levels[0]}, {table.levels[-1]}], got {levels}"
        )
    steps = np.arange(1, horizon + 1)
    scale = har_scale(context, steps=steps, table=table)
    offsets = (
        _step_weights(steps, table)
        @ table.offsets
        @ _interpolation_weights(levels, table.levels).T
    )
    reach = np.maximum.accumulate(scale[:, :, None] * np.abs(offsets), axis=1)
    last = _last_known(context)[:, None, None]
    return np.asarray(last + np.sign(levels - 0.5) * reach)


def har_scale(
    context: FloatArray, *, steps: Sequence[int] | IntArray, table: HarTable
) -> FloatArray:
    """Return the expected absolute change of each market over each step.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices in [0, 1], oldest first, right-aligned; NaN where unknown, each
        row with a value that is known.
    steps : (n_steps,) sequence of int
        Steps ahead, inside those of the table, in any order.
    table : HarTable
        Fitted constants.

    Returns
    -------
    (n_markets, n_steps) array
        Probability units, at least the floor of the table.

    Raises
    ------
    ValueError
        If a step lies outside the table, or a row has no known value.

    References
    ----------
    Corsi (2009), A Simple Approximate Long-Memory Model of Realized Volatility,
    Journal of Financial Econometrics 7(2).

    """
    features = har_features(
        context,
        windows=table.windows,
        prior=table.prior,
        prior_weight=table.prior_weight,
    )
    coefficients = _step_weights(np.asarray(steps), table) @ table.coefficients
    return np.maximum(features @ coefficients.T, table.floor)


class HarReach(NamedTuple):
    """How the half-width of a HAR band follows from the features of a market.

    ``coefficients`` has shape (horizon, n_windows + 3), ``offsets`` (horizon,).
    """

    coefficients: FloatArray
    offsets: FloatArray


def har_reach(horizon: int, *, tail: float, table: HarTable) -> HarReach:
    """Return what `half_widths` needs: half the distance of two opposite levels.

    Parameters
    ----------
    horizon : int
        Number of steps, at most the last of the table.
    tail : float
        Probability beyond each of the two levels.
    table : HarTable
        Fitted constants.

    """
    shares = _step_weights(np.arange(1, horizon + 1), table)
    levels = np.array([tail, 1 - tail])
    low, high = (
        shares @ table.offsets @ _interpolation_weights(levels, table.levels).T
    ).T
    return HarReach(shares @ table.coefficients, (high - low) / 2)


def half_widths(features: FloatArray, reach: HarReach, *, floor: float) -> FloatArray:
    """Return the half-width of the HAR band of each market at each step.

    Parameters
    ----------
    features : (n_markets, n_windows + 3) array
        See `har_features`.
    reach : HarReach
    floor : float
        Least expected absolute change, in probability units.

    Returns
    -------
    (n_markets, horizon) array
        Probability units, never falling with the step.

    """
    scale = np.maximum(features @ reach.coefficients.T, floor)
    return np.asarray(np.maximum.accumulate(scale * reach.offsets, axis=1))


def har_features(
    context: FloatArray, *, windows: IntArray, prior: FloatArray, prior_weight: float
) -> FloatArray:
    """Return what the expected absolute change is a weighted sum of.

    A window that is not full is filled up with at most ``prior_weight`` changes
    of the size that the prior expects at the market's price. With no known change
    at all, each mean is the prior's.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices in [0, 1], oldest first, right-aligned; NaN where unknown.
    windows : (n_windows,) array
        Numbers of most recent changes that are averaged.
    prior : (3,) array
        Weights of p(1 - p), sqrt(p(1 - p)) and 1.
    prior_weight : float
        Most changes that the prior stands for.

    Returns
    -------
    (n_markets, n_windows + 3) array
        Mean absolute changes per window, then the terms of the prior.

    Raises
    ------
    ValueError
        If a row of the context has no known value.

    Examples
    --------
    One change of 0.1 is known; the window of two is filled with one of 0.2.

    >>> context = np.array([[0.4, 0.5]])
    >>> prior = np.array([0.0, 0.4, 0.0])
    >>> har_features(context, windows=np.array([2]), prior=prior, prior_weight=1.0)
    array([[0.15, 0.25, 0.5 , 1.  ]])

    """
    price = _last_known(context)
    variance = price * (1 - price)
    level_terms = np.stack(
        (variance, np.sqrt(variance), np.ones_like(variance)), axis=1
    )
    expected = level_terms @ prior
    changes = np.abs(np.diff(context[:, -int(windows.max()) - 1 :], axis=1))
    means = [
        _mean_change(
            changes[:, -window:],
            missing=prior_weight,
            expected=expected,
            window=window,
        )
        for window in windows.tolist()
    ]
    return np.column_stack([*means, level_terms])


def _mean_change(
    changes: FloatArray, *, missing: float, expected: FloatArray, window: int
) -> FloatArray:
    """Average the known changes, filled up to the window or by ``missing``."""
    total = changes.sum(axis=1)
    n_known: IntArray | int = changes.shape[1]
    if np.isnan(total).any():
        n_known = np.isfinite(changes).sum(axis=1)
        total = np.nansum(changes, axis=1)
    n_filled = np.minimum(missing, window - n_known)
    return np.asarray((total + n_filled * expected) / (n_known + n_filled))


def _last_known(context: FloatArray) -> FloatArray:
    last = context[:, -1]
    if not np.isnan(last).any():
        return last
    is_known = np.isfinite(context)
    if not is_known.any(axis=1).all():
        raise ValueError("each row of the context needs a value that is known")
    newest = context.shape[1] - 1 - np.argmax(is_known[:, ::-1], axis=1)
    return np.asarray(context[np.arange(context.shape[0]), newest])


def _step_weights(steps: IntArray, table: HarTable) -> FloatArray:
    if steps.min() < table.steps[0] or steps.max() > table.steps[-1]:
        raise ValueError(
            f"steps must lie in [{table.steps[0]}, {table.steps[-1]}], got {steps}"
        )
    return _interpolation_weights(np.log(steps), np.log(table.steps))


def _interpolation_weights(points: FloatArray, knots: FloatArray) -> FloatArray:
    """Return the matrix that interpolates values at the knots linearly."""
    unit = np.eye(knots.size)
    return np.stack([np.interp(points, knots, row) for row in unit], axis=1)
