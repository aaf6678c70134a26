"""How often bands held, and how sure that is when outcomes come in clusters."""

import math
from typing import NamedTuple

_MIN_CLUSTERS = 2


class ClusterSums(NamedTuple):
    """Sums over clusters of outcomes that belong together, such as one event's.

    ``nn``, ``nh`` and ``hh`` add up n squared, n times hits and hits squared of
    each cluster.
    """

    n_clusters: int
    n: float
    hits: float
    nn: float
    nh: float
    hh: float


def coverage_interval(sums: ClusterSums, *, z: float) -> tuple[float, float] | None:
    """Return an interval for the share of hits that allows for the clusters.

    The variance of the ratio is taken between clusters, which makes so many
    independent outcomes of it, at most as many as there are outcomes; a Wilson
    interval for as many stays inside [0, 1] and never has no width.

    Parameters
    ----------
    sums : ClusterSums
    z : float
        Normal score of the interval: 1.96 for 95 %.

    Returns
    -------
    (float, float) or None
        None with fewer than two clusters, from which nothing can be told.

    References
    ----------
    Cochran (1977), Sampling Techniques, chapter 6 (ratio estimate); Wilson (1927),
    Probable inference, JASA 22; Kish (1965), Survey Sampling (effective number).

    Examples
    --------
    Two clusters of five, one all hits, one none: no surer than two outcomes.

    >>> sums = ClusterSums(2, n=10, hits=5, nn=50, nh=25, hh=25)
    >>> [round(edge, 3) for edge in coverage_interval(sums, z=1.96)]
    [0.055, 0.945]

    """
    n_free = effective_size(sums)
    if n_free is None:
        return None
    return wilson_interval(sums.hits / sums.n, n_free, z=z)


def effective_size(sums: ClusterSums) -> float | None:
    """Return how many independent outcomes the clusters are worth.

    Parameters
    ----------
    sums : ClusterSums

    Returns
    -------
    float or None
        From 1 to as many as there are outcomes; None with fewer than two clusters,
        from which nothing can be told.

    References
    ----------
    Kish (1965), Survey Sampling, section 8.2 (effective number).

    Examples
    --------
    Two clusters of five, one all hits, one none: what follows within a cluster adds
    nothing.

    >>> effective_size(ClusterSums(2, n=10, hits=5, nn=50, nh=25, hh=25))
    1.0

    """
    if sums.n_clusters < _MIN_CLUSTERS:
        return None
    share = sums.hits / sums.n
    spread = sums.hh - 2 * share * sums.nh + share**2 * sums.nn
    between = spread * sums.n_clusters / (sums.n_clusters - 1)
    single = sums.n * share * (1 - share)
    # A share of 0 or 1 shows no variance: then a cluster counts as one outcome.
    n_free = float(sums.n_clusters)
    if single > 0:
        n_free = max(sums.n * single / max(between, single), 1.0)
    return n_free


def wilson_interval(share: float, n: float, *, z: float) -> tuple[float, float]:
    """Return an interval for the chance behind a share of hits.

    Parameters
    ----------
    share : float
        Share of hits, in [0, 1].
    n : float
        How many independent outcomes it was counted over; above 0, need not be whole.
    z : float
        Normal score of the interval: 1.96 for 95 %.

    Returns
    -------
    (float, float)
        In [0, 1], around the share.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical
    inference, JASA 22.

    Examples
    --------
    >>> [round(edge, 3) for edge in wilson_interval(0.9, 50, z=1.96)]
    [0.786, 0.957]

    """
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    root = math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    reach = z * root / (1 + z**2 / n)
    return max(0.0, centre - reach), min(1.0, centre + reach)
