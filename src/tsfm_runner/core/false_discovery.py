"""How many of those that stand out do so by chance."""

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

BINS_PER_DECADE = 20
N_BINS = 7 * BINS_PER_DECADE + 1
"""Bins of a reference: from a p-value of 1 down to one in ten million."""


def discovery_q_values(p_values: FloatArray, *, n_tests: int) -> FloatArray:
    """Return the smallest share of false alarms at which each test is rejected.

    Parameters
    ----------
    p_values : (n,) array
        In [0, 1]. Tests that are not among them count as p-values of 1.
    n_tests : int
        How many tests there are in all, at least n.

    Returns
    -------
    (n,) array
        In [0, 1], in the order of the p-values.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate, JRSS B 57.

    Examples
    --------
    The second is rejected only with the first: 0.02 * 4 / 2.

    >>> discovery_q_values(np.array([0.5, 0.02, 0.001]), n_tests=4).round(6).tolist()
    [0.666667, 0.04, 0.004]

    """
    order = np.argsort(p_values, kind="stable")
    ranks = np.arange(1, order.size + 1)
    raised = p_values[order] * n_tests / ranks
    q_values = np.empty_like(raised)
    q_values[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(q_values, 1)


def reference_shares(
    p_values: FloatArray, counts: FloatArray, *, prior_weight: float, prior_rate: float
) -> FloatArray:
    """Return how often a market in its normal range would look at least this unlikely.

    A p-value again, now against what false alarms were like, so that how the first
    one was made (the smallest of several, of far moves only) does not matter.

    Parameters
    ----------
    p_values : (n,) array
        In [0, 1].
    counts : (N_BINS,) array
        Observations of markets in their normal range, see `reference_bin`.
    prior_weight : float
        How many observations the first guess is worth.
    prior_rate : float
        The first guess: so many times the p-value.

    Returns
    -------
    (n,) array
        In (0, 1].

    References
    ----------
    Bates, Candes, Lei, Romano and Sesia (2023), Testing for outliers with conformal
    p-values, Annals of Statistics 51: a clean reference keeps the rate of false
    discoveries.

    Examples
    --------
    Of 99 observations 9 were in the bin of 0.01 or beyond; one is added to both.

    >>> counts = np.zeros(N_BINS)
    >>> counts[[0, 40]] = 90, 9
    >>> shares = reference_shares(
    ...     np.array([0.01, 1.0]), counts, prior_weight=100.0, prior_rate=0.1
    ... )
    >>> shares.round(4).tolist()
    [0.0505, 1.0]

    """
    beyond = counts[::-1].cumsum()[::-1][reference_bin(p_values)]
    first = prior_weight * np.where(p_values >= 1, 1.0, prior_rate * p_values)
    return np.asarray((first + beyond + 1) / (prior_weight + counts.sum() + 1))


def reference_bin(p_values: FloatArray) -> IntArray:
    """Return the bin of each p-value: 20 a decade, the smallest all in the last.

    Examples
    --------
    >>> reference_bin(np.array([1.0, 0.1, 0.01, 0.0])).tolist()
    [0, 20, 40, 140]

    """
    decades = -np.log10(np.maximum(p_values, 1e-9))
    # A bin begins at its smaller edge: 0.1 itself belongs to those of 0.1 or less.
    places = np.floor(decades * BINS_PER_DECADE + 1e-9).astype(np.int64)
    return np.minimum(places, N_BINS - 1)
