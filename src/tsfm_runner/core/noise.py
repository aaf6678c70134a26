"""How near its target coverage can be seen to be when every band is perfect."""

from functools import lru_cache
from statistics import NormalDist

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

_LONGEST = 4_096
_DRAWS_AT_ONCE = 64
_ROUNDING = 1e-9
_CURVES_REMEMBERED = 1_024  # 32 KiB each, for all steps of the longest horizon


def near_ceiling(  # noqa: PLR0913 - one number each
    counts: IntArray,
    *,
    step: int,
    coverage: float,
    near: float = 0.05,
    n_draws: int,
    seed: int,
) -> float:
    """Return the share of markets that perfect bands would bring near their target.

    Few outcomes scatter around any target, and those of consecutive origins have
    all but one of their ``step`` changes in common, so that they scatter together.
    Gaussian random walks are held against the bands that are exactly right for
    them. Ties are left out: an outcome on an edge may count either way, which
    makes it easier to be near.

    Parameters
    ----------
    counts : (n_markets,) array
        Outcomes of each market, of consecutive origins; a market without any is
        left out, and one with more than 4,096 counts as having so many.
    step : int
        How many steps ahead the bands are.
    coverage : float
        Target of the bands, in (0, 1).
    near : float
        How far the share of hits may lie from the target.
    n_draws : int
        How many walks; the standard error is at most ``0.5 / sqrt(n_draws)``.
    seed : int

    Returns
    -------
    float
        In [0, 1]; NaN where no market has an outcome.

    Raises
    ------
    ValueError
        If ``step`` is below 1 or ``coverage`` is not in (0, 1).

    Examples
    --------
    A single outcome makes a share of 0 or 1, far from 0.8; of five, one step ahead,
    exactly four must hit: 5 * 0.8 ** 4 * 0.2 = 0.4096.

    >>> near_ceiling(np.array([1, 1]), step=1, coverage=0.8, n_draws=9, seed=1)
    0.0
    >>> share = near_ceiling(np.array([5]), step=1, coverage=0.8, n_draws=999, seed=1)
    >>> round(share, 1)
    0.4

    """
    if step < 1:
        raise ValueError(f"step must be at least 1, got {step}")
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be in (0, 1), got {coverage}")
    lengths = np.minimum(counts[counts > 0], _LONGEST)
    if lengths.size == 0:
        return float("nan")
    chances = _near_chances(step, coverage, near, n_draws, seed)
    return float(chances[lengths - 1].mean())


@lru_cache(maxsize=_CURVES_REMEMBERED)
def _near_chances(
    step: int, coverage: float, near: float, n_draws: int, seed: int
) -> FloatArray:
    """Return the chance of being near after 1, 2, ... outcomes."""
    rng = np.random.default_rng(seed)
    reach = NormalDist().inv_cdf((1 + coverage) / 2) * step**0.5
    lengths = np.arange(1, _LONGEST + 1)
    n_near = np.zeros(_LONGEST)
    for start in range(0, n_draws, _DRAWS_AT_ONCE):
        n_walks = min(_DRAWS_AT_ONCE, n_draws - start)
        walks = np.cumsum(rng.standard_normal((n_walks, _LONGEST + step)), axis=1)
        is_hit = np.abs(walks[:, step:] - walks[:, :-step]) <= reach
        shares = np.cumsum(is_hit, axis=1) / lengths
        n_near += np.count_nonzero(
            np.abs(shares - coverage) <= near + _ROUNDING, axis=0
        )
    chances = n_near / n_draws
    chances.setflags(write=False)
    return chances
