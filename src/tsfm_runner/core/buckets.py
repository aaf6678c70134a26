"""Quantiles of values of which only counts in buckets are known."""

from collections.abc import Sequence
from itertools import accumulate


def bucket_quantile(
    bounds: Sequence[float], counts: Sequence[float], level: float
) -> float | None:
    """Return about which value a share of all values does not exceed.

    Values are taken to lie evenly in their bucket, and those above the last bound
    on it.

    Parameters
    ----------
    bounds : sequence of n floats
        Upper bounds of the buckets, ascending and above 0; the first begins at 0.
    counts : sequence of n + 1 floats
        How many values each bucket holds, and last how many lie above all.
    level : float
        The share, in [0, 1].

    Returns
    -------
    float or None
        None without any value.

    References
    ----------
    `histogram_quantile` of Prometheus, which does the same.

    Examples
    --------
    >>> bucket_quantile([1.0, 2.0], [1, 2, 1], 0.5)
    1.5

    """
    sums = list(accumulate(counts, initial=0.0))
    rank = level * sums[-1]
    if not sums[-1]:
        return None
    for place, bound in enumerate(bounds):
        if sums[place + 1] >= rank and counts[place]:
            below = bounds[place - 1] if place else 0.0
            return below + (bound - below) * (rank - sums[place]) / counts[place]
    return bounds[-1]
