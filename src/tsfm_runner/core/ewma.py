"""EWMA baseline: the last value, with a width from recent squared changes."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.levels import normal_scores

_LEAST_WEIGHT = 1e-300  # in place of 0, where there is nothing to divide


def exponential_mean(terms: FloatArray, *, half_life_steps: float) -> FloatArray:
    """Return the mean of each row with weights that halve every so many steps.

    Parameters
    ----------
    terms : (n_markets, n_steps) array
        Ends aligned; NaN where unknown.
    half_life_steps : float
        Steps after which a term counts half; ``inf`` for a plain mean.

    Returns
    -------
    (n_markets,) array
        Units of ``terms``; 0 where no term is known.

    References
    ----------
    J.P. Morgan and Reuters (1996), RiskMetrics technical document, section 5.2,
    with weights that sum to one over the terms at hand.

    Examples
    --------
    >>> exponential_mean(np.array([[4.0, 1.0]]), half_life_steps=1).tolist()
    [2.0]

    """
    weights = _weights(terms.shape[1], half_life_steps)
    known = ~np.isnan(terms)
    if known.all():
        return np.asarray(_weighted(terms, weights) / max(weights.sum(), _LEAST_WEIGHT))
    total = _weighted(known.astype(np.float64), weights)
    weighted = _weighted(np.where(known, terms, 0), weights)
    return np.asarray(weighted / np.maximum(total, _LEAST_WEIGHT))


@lru_cache(maxsize=64)
def _weights(n_steps: int, half_life_steps: float) -> FloatArray:
    """Return the weight of each term, as an array that nobody can change."""
    weights = 0.5 ** (np.arange(n_steps)[::-1] / half_life_steps)
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=64)
def _totals(n_steps: int, half_life_steps: float) -> FloatArray:
    """Return the sum of the weights of the last n terms, for n from 0 on."""
    latest_first = _weights(n_steps, half_life_steps)[::-1]
    totals = np.concatenate(([_LEAST_WEIGHT], np.cumsum(latest_first)))
    totals.setflags(write=False)
    return totals


def _weighted(rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weighted sum of each row; ``@`` would wake threads for so little."""
    return np.asarray(np.einsum("ms,s->m", rows, weights))


def ewma_quantiles(  # noqa: PLR0913 - the constants of one method
    context: FloatArray,
    *,
    horizon: int,
    quantile_levels: Sequence[float],
    half_life_steps: float,
    floor: FloatArray,
    floor_share: float,
) -> FloatArray:
    """Return normal quantiles around the last value, wider with every step.

    The variance of one step is that of recent changes, but never below
    ``floor_share`` of the whole context's and never below ``floor`` squared, so
    a market that rests for a while keeps its width. Step h has h times it.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Ends aligned; NaN before the shorter ones, finite from there on.
    horizon : int
        Number of steps.
    quantile_levels : sequence of float
        Ascending, in (0, 1).
    half_life_steps : float
        Steps after which a squared change counts half.
    floor : (n_markets,) array
        Least scale of one step, positive, in units of ``context``.
    floor_share : float
        In [0, 1].

    Returns
    -------
    (n_markets, horizon, n_levels) array
        In units of ``context``; 0.5 is the last value itself.

    Examples
    --------
    >>> ewma_quantiles(
    ...     np.array([[0.0, 3.0]]),
    ...     horizon=4,
    ...     quantile_levels=[0.5, 0.8413447460685429],
    ...     half_life_steps=1,
    ...     floor=np.array([1.0]),
    ...     floor_share=0.1,
    ... )[0, [0, 3]].round(6).tolist()
    [[3.0, 6.0], [3.0, 9.0]]

    """
    changes = context[:, 1:] - context[:, :-1]
    squared = np.square(changes, out=changes)
    unknown = np.isnan(squared)
    n_known = squared.shape[1] - np.count_nonzero(unknown, axis=1)
    squared[unknown] = 0
    recent, whole = (
        _weighted(squared, _weights(squared.shape[1], half_life))
        / _totals(squared.shape[1], half_life)[n_known]
        for half_life in (half_life_steps, np.inf)
    )
    variance = np.maximum(np.maximum(recent, floor_share * whole), floor**2)
    scale = np.sqrt(variance[:, None] * np.arange(1, horizon + 1))
    offsets = scale[:, :, None] * normal_scores(quantile_levels)
    return np.asarray(context[:, -1, None, None] + offsets)
