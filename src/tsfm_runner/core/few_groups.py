"""Percentile intervals that allow for few groups."""

import math
from statistics import NormalDist


def expanded_coverage(n_groups: float, *, coverage: float) -> float:
    """Return the coverage to ask of percentiles so that few groups are as sure.

    Percentiles over groups drawn again are too narrow where groups are few: they use
    the variance without its correction, and the normal distribution for that of
    Student. Asking for a little more makes up for both.

    Parameters
    ----------
    n_groups : float
        Groups that are drawn again.
    coverage : float
        What the interval is to cover, in (0, 1).

    Returns
    -------
    float
        In (0, 1]; 1 for fewer than two groups, which tell nothing of each other.

    Raises
    ------
    ValueError
        If ``coverage`` is not in (0, 1).

    References
    ----------
    Hesterberg (2015), What teachers should know about the bootstrap, The American
    Statistician 69 (the expanded percentile interval); Abramowitz and Stegun (1964),
    Handbook of mathematical functions, formula 26.7.5 (Student's quantiles).

    Examples
    --------
    >>> [round(expanded_coverage(n, coverage=0.95), 3) for n in (8, 20, 1000)]
    [0.989, 0.968, 0.95]

    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be in (0, 1), got {coverage}")
    if n_groups < 2:  # noqa: PLR2004 - one group alone
        return 1.0
    normal = NormalDist()
    reach = student_quantile((1 + coverage) / 2, n_free=n_groups - 1)
    return 2 * normal.cdf(reach * (n_groups / (n_groups - 1)) ** 0.5) - 1


def student_quantile(level: float, *, n_free: float) -> float:
    """Return a quantile of Student's distribution, from four terms of its expansion.

    It is exact to .01 from 6 degrees of freedom on, between levels .01 and .99.

    Examples
    --------
    >>> [round(student_quantile(0.975, n_free=n), 2) for n in (7, 30, 1000)]
    [2.36, 2.04, 1.96]

    """
    z = NormalDist().inv_cdf(level)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return math.fsum(term / n_free**power for power, term in enumerate(terms))
