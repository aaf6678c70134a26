"""How sure a ratio of sums over groups is: groups are drawn again."""

from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray


class Interval(NamedTuple):
    """An estimate, and the interval in which it may lie."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


def group_draws(n_groups: int, *, n_draws: int, seed: int) -> FloatArray:
    """Return how often each group is drawn, each time as many groups as there are.

    Returns
    -------
    (n_draws, n_groups) array
        Whole numbers; every row adds up to ``n_groups``.

    Examples
    --------
    >>> group_draws(3, n_draws=2, seed=1).sum(axis=1).tolist()
    [3.0, 3.0]

    """
    drawn = np.random.default_rng(seed).integers(n_groups, size=(n_draws, n_groups))
    drawn += n_groups * np.arange(n_draws)[:, np.newaxis]
    counts = np.bincount(drawn.ravel(), minlength=n_draws * n_groups)
    return counts.reshape(n_draws, n_groups).astype(np.float64)


def interval_of(
    draws: FloatArray,
    numerator: FloatArray,
    denominator: FloatArray,
    *,
    coverage: float = 0.95,
) -> Interval:
    """Return a ratio of sums over groups, and its percentile interval.

    Parameters
    ----------
    draws : (n_draws, n_groups) array
        See `group_draws`.
    numerator, denominator : (n_groups, ...) array
        What each group adds to both sums.

    """
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    above = np.broadcast_to(numerator, shape).reshape(shape[0], -1)
    below = np.broadcast_to(denominator, shape).reshape(shape[0], -1)
    ratios = _ratio(draws @ above, draws @ below)
    edges = [(1 - coverage) / 2, (1 + coverage) / 2]
    low, high = np.quantile(ratios, edges, axis=0)
    value = _ratio(above.sum(axis=0), below.sum(axis=0))
    return Interval(*(one.reshape(shape[1:]) for one in (value, low, high)))


def ratio_interval(
    numerator: FloatArray,
    denominator: FloatArray,
    *,
    n_draws: int,
    seed: int,
    coverage: float = 0.95,
) -> Interval:
    """Return a ratio of sums over groups and its interval, from draws of a seed."""
    draws = group_draws(len(numerator), n_draws=n_draws, seed=seed)
    return interval_of(draws, numerator, denominator, coverage=coverage)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    unknown = np.full(numerator.shape, np.nan)
    return np.asarray(
        np.divide(numerator, denominator, out=unknown, where=denominator > 0)
    )
