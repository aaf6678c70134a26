"""The distribution of score sizes, in bins that add up across replicas."""

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

N_BINS = 81
_FIRST_EDGE = 0.05
_GROWTH = 0.09
_LEAST_MASS = 1e-12


def bin_of(sizes: FloatArray) -> IntArray:
    """Return the bin of each score size.

    Bin 0 is the size 0 alone; bin k covers (edge(k - 1), edge(k)], with edge(k) =
    0.05 sinh(0.09 k): narrow near nothing, 9 % wide far out. The last takes
    whatever is larger.

    Parameters
    ----------
    sizes : array
        Not negative, no unit.

    Examples
    --------
    >>> bin_of(np.array([0.0, 0.001, 0.05, 1.0, 1e9])).tolist()
    [0, 1, 10, 41, 80]

    """
    return _EDGES.searchsorted(sizes)


def edge_of(places: FloatArray) -> FloatArray:
    """Return the size at a place on the axis of bins; see `bin_of`.

    Examples
    --------
    >>> edge_of(np.array([0.0, 10.0])).round(6).tolist()
    [0.0, 0.051326]

    """
    return np.asarray(_FIRST_EDGE * np.sinh(_GROWTH * places))


_EDGES = edge_of(np.arange(N_BINS - 1.0))  # the upper ones of all bins but the last


def shrink(counts: FloatArray, overall: FloatArray, *, weight: float) -> FloatArray:
    """Return the distribution of a segment, drawn towards that of all segments.

    Parameters
    ----------
    counts : (..., N_BINS) array
        Counts of the segment.
    overall : (..., N_BINS) array
        Counts of all segments, with some in each sketch.
    weight : float
        How many counts of the segment the distribution of all is worth.

    Returns
    -------
    (..., N_BINS) array
        Shares that add up to one.

    References
    ----------
    Vovk, Lindsay, Nouretdinov and Gammerman (2003), Mondrian confidence machine:
    categories with scores of their own; the shrinkage is the empirical Bayes mean
    of a Dirichlet prior.

    Examples
    --------
    >>> shrink(np.array([3.0, 0.0]), np.array([5.0, 5.0]), weight=1.0).tolist()
    [0.875, 0.125]

    """
    total = counts.sum(axis=-1, keepdims=True)
    base = overall / overall.sum(axis=-1, keepdims=True)
    return np.asarray((counts + weight * base) / (total + weight))


def tail_shares(shares: FloatArray, sizes: FloatArray) -> FloatArray:
    """Return the share of scores at least as large as each size: its p-value.

    The inverse of `tail_margins`, of both sides together. Under exchangeability of
    past and next scores it is below any number as seldom as that number says, but
    for what the bins blur.

    Parameters
    ----------
    shares : (n, N_BINS) array
        Distribution of the sizes; adds up to one.
    sizes : (n,) array
        Not negative, no unit.

    Returns
    -------
    (n,) array
        In (0, 1]; 1 for the size 0.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world,
    section 2.2: the p-value of a nonconformity score.

    Examples
    --------
    Half of the quarter that is not 0 lies beyond the middle of its bin.

    >>> shares = np.zeros((1, N_BINS))
    >>> shares[0, [0, 41]] = 0.75, 0.25
    >>> middle = edge_of(np.array([40.5]))
    >>> tail_shares(shares, middle).round(6).tolist()
    [0.125]

    """
    places = bin_of(sizes)
    rows = np.arange(places.size)
    below = shares.cumsum(axis=1)[rows, places]
    # Where a size stands inside its bin, from 0 to 1 along the axis of bins.
    reach = np.arcsinh(sizes / _FIRST_EDGE) / _GROWTH - (places - 1)
    inside = shares[rows, places] * (1 - np.clip(reach, 0, 1))
    beyond = np.maximum(1 - below, 0) + inside
    return np.where(places == 0, 1.0, np.minimum(beyond, 1.0))


def tail_margins(shares: FloatArray, tails: FloatArray) -> FloatArray:
    """Return how large a score must be to leave so much mass beyond it, per side.

    A score is as likely to be positive as negative, so a size leaves half of what
    is larger on either side. Inside a bin the mass is spread along the axis of
    bins; the atom at 0 is exact.

    Parameters
    ----------
    shares : (..., N_BINS) array
        Distribution of the sizes; adds up to one.
    tails : (..., n) array
        Mass beyond the margin on one side, in (0, 0.5].

    Returns
    -------
    (..., n) array
        Not negative, no unit.

    Examples
    --------
    Three quarters of the scores are 0: a tail of 0.2 leaves 0.4, more than there is.

    >>> shares = np.zeros(N_BINS)
    >>> shares[[0, 41]] = 0.75, 0.25
    >>> tail_margins(shares, np.array([0.2, 0.0625])).round(3).tolist()
    [0.0, 0.956]

    """
    below = shares.cumsum(axis=-1).reshape(-1, N_BINS)
    wanted = (1 - 2 * tails).reshape(len(below), -1)
    # A search a row is faster, even from Python, than to compare all bins with all.
    rows = zip(below[:, :-1], wanted, strict=True)  # beyond the others is the last
    place = np.array([row.searchsorted(mass) for row, mass in rows])
    at = place + np.arange(0, below.size, N_BINS)[:, None]
    # Before bin 0 this takes any number; whatever comes of it is not positive.
    before, inside = below.take(at - 1), shares.take(at)
    share = (wanted - before) / np.maximum(inside, _LEAST_MASS)
    reach = place - 1 + np.minimum(share, 1)
    return edge_of(np.maximum(reach, 0)).reshape(tails.shape)
