"""Means over the last steps of a context, and how a model is shown mean moves."""

from functools import cache

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

_LEAST_MOVE = 0.02  # in scales, where the logarithm of a mean move levels off
_LEAST_WEIGHT = 1e-300  # in place of 0, where there is nothing to divide


def recent_means(
    terms: FloatArray,
    n_known: IntArray,
    *,
    half_lives: tuple[int, ...] = (),
    windows: tuple[int, ...] = (),
) -> FloatArray:
    """Return several means of each row that look back from its end.

    Parameters
    ----------
    terms : (n_markets, n_steps) array
        Ends aligned; 0 where there is no term.
    n_known : (n_markets,) array of int
        How many terms each row ends in.
    half_lives : tuple of int
        Steps after which a term counts half, for each mean over all terms.
    windows : tuple of int
        How many terms at most each plain mean is over.

    Returns
    -------
    (n_half_lives + n_windows, n_markets) array
        Units of ``terms``, in the order of the arguments; 0 where no term is
        known.

    Examples
    --------
    >>> terms = np.array([[0.0, 4.0, 1.0]])
    >>> recent_means(terms, np.array([2]), half_lives=(1,), windows=(1, 3)).tolist()
    [[2.0], [1.0], [2.5]]

    """
    weights, totals = _weights(terms.shape[1], half_lives, windows)
    # `@` may add in another order for many rows than for one
    return np.asarray(np.einsum("ms,ks->km", terms, weights) / totals[:, n_known])


def log_moves(means: FloatArray, scale: FloatArray) -> FloatArray:
    """Return mean moves as a model is shown them: half their logarithm, in scales.

    It levels off below a fiftieth of a scale.

    Parameters
    ----------
    means : array
        Not negative, price units.
    scale : array
        Positive, of a shape that goes with that of ``means``.

    Returns
    -------
    array
        No unit.

    Examples
    --------
    >>> float(log_moves(np.array(0.98), np.array(1.0)))
    0.0

    """
    return np.asarray(np.log(means / scale + _LEAST_MOVE) / 2)


@cache
def _weights(
    n_steps: int, half_lives: tuple[int, ...], windows: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Return the weight of each term, and the sums of the last n, for n from 0 on."""
    ages = np.arange(n_steps)[::-1]
    weights = np.array(
        [0.5 ** (ages / half_life) for half_life in half_lives]
        + [(ages < window).astype(np.float64) for window in windows]
    )
    none = np.full((weights.shape[0], 1), _LEAST_WEIGHT)
    totals = np.hstack((none, np.cumsum(weights[:, ::-1], axis=1)))
    weights.setflags(write=False)
    totals.setflags(write=False)
    return weights, totals
