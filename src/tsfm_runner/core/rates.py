"""How sure a rate is that was counted: exact binomial tails and bounds."""

import math

_PRECISION = 1e-15
_HALVINGS = 60


def binomial_tail(n_hits: int, n: int, *, rate: float) -> float:
    """Return the chance of at least so many hits if each comes with ``rate``.

    Parameters
    ----------
    n_hits, n : int
        Hits among so many independent trials; ``0 <= n_hits <= n``.
    rate : float
        Chance of a hit, in [0, 1].

    Returns
    -------
    float
        In [0, 1]; 1 for no hits.

    Raises
    ------
    ValueError
        If there are more hits than trials, or the rate is no chance.

    References
    ----------
    Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 26.5.24: the
    tail is the incomplete beta function ``I_rate(n_hits, n - n_hits + 1)``.

    Examples
    --------
    One or more of three, each with 1 %:  ``1 - 0.99 ** 3``.

    >>> round(binomial_tail(1, 3, rate=0.01), 6)
    0.029701

    """
    if not 0 <= n_hits <= n:
        raise ValueError(f"hits must lie between 0 and {n}, got {n_hits}")
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must lie in [0, 1], got {rate}")
    if n_hits == 0 or rate == 1:
        return 1.0
    if rate == 0:
        return 0.0
    a, b = float(n_hits), float(n - n_hits + 1)
    # The fraction converges fast on the near side of the mean; else mirror it.
    if rate < (a + 1) / (a + b + 2):
        return min(1.0, _beta_part(a, b, rate))
    return max(0.0, 1 - _beta_part(b, a, 1 - rate))


def rate_bounds(n_hits: int, n: int, *, doubt: float) -> tuple[float, float]:
    """Return the bounds beyond which a rate lies with no more than ``doubt``, each.

    They are exact: whatever the rate is, the lower bound is above it in at most
    that share of cases, and so is the upper bound below it.

    Parameters
    ----------
    n_hits, n : int
        Hits among so many independent trials.
    doubt : float
        Chance that is left on either side, in (0, 0.5).

    Returns
    -------
    (float, float)
        In [0, 1]; (0, 1) without trials.

    Raises
    ------
    ValueError
        If there are more hits than trials, or ``doubt`` is out of bounds.

    References
    ----------
    Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated
    in the case of the binomial, Biometrika 26.

    Examples
    --------
    One hit of three says little: the rate may be anything from 3 in 10,000 up.

    >>> [round(bound, 5) for bound in rate_bounds(1, 3, doubt=0.001)]
    [0.00033, 0.98163]

    """
    if not 0 < doubt < 0.5:  # noqa: PLR2004 - with half, both bounds would meet
        raise ValueError(f"doubt must lie in (0, 0.5), got {doubt}")
    if not 0 <= n_hits <= n:
        raise ValueError(f"hits must lie between 0 and {n}, got {n_hits}")
    return _lower(n_hits, n, doubt), 1 - _lower(n - n_hits, n, doubt)


def _lower(n_hits: int, n: int, doubt: float) -> float:
    """Return the rate at which so many hits or more have a chance of ``doubt``."""
    low, high = 0.0, n_hits / n if n else 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if binomial_tail(n_hits, n, rate=middle) < doubt:
            low = middle
        else:
            high = middle
    return low if n_hits else 0.0


def _beta_part(a: float, b: float, x: float) -> float:
    """Return ``I_x(a, b)`` by its continued fraction, evaluated as Lentz did."""
    front = math.exp(
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction, before, m = d, 0.0, 0
    while abs(fraction - before) > _PRECISION * abs(fraction):
        before, m = fraction, m + 1
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= c * d
    return front * fraction / a
