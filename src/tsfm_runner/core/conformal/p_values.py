"""How unlikely a price is, as its own band says it."""

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray


def is_beyond(sizes: FloatArray, margins: FloatArray) -> BoolArray:
    """Return whether each size is larger than the outermost of its margins."""
    return np.asarray(sizes > margins[:, 0])


def margin_p_values(
    sizes: FloatArray, margins: FloatArray, *, tails: FloatArray, beyond: FloatArray
) -> FloatArray:
    """Return the p-value of each score by the margins of its band.

    A score on the margin of a tail has twice that tail as its p-value: it is at most
    0.2 just where the price is outside the 10/90 interval. Between margins it is
    interpolated, in its logarithm.

    Parameters
    ----------
    sizes : (n,) array
        Not negative, in units of the scale.
    margins : (n, n_tails) array
        Of the side of the median on which the price is, widest first.
    tails : (n_tails,) array
        Ascending, in (0, 0.5): the mass beyond each margin.
    beyond : (n,) array
        For a size that is larger than every margin: which share of the scores beyond
        the outermost one is at least as large. In [0, 1]; of no effect for others.

    Returns
    -------
    (n,) array
        In [0, 1]; 1 for the size 0.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world,
    section 2.2: the p-value is the smallest level whose prediction set leaves the
    value out.

    Examples
    --------
    >>> margin_p_values(
    ...     np.array([0.0, 1.0, 2.0, 3.0]),
    ...     np.tile([2.0, 1.0], (4, 1)),
    ...     tails=np.array([0.05, 0.1]),
    ...     beyond=np.full(4, 0.25),
    ... ).round(6).tolist()
    [1.0, 0.2, 0.1, 0.025]

    """
    rows = np.arange(sizes.size)
    # The first of the margins that the size is beyond; those before it are wider.
    place = (margins >= sizes[:, None]).sum(axis=1)
    inner = np.minimum(place, tails.size - 1)
    outer = np.maximum(place - 1, 0)
    near, far = margins[rows, inner], margins[rows, outer]
    share = (np.clip(sizes, near, far) - near) / np.where(far > near, far - near, 1.0)
    between = 2 * np.exp(
        (1 - share) * np.log(tails[inner]) + share * np.log(tails[outer])
    )
    share_within = np.minimum(sizes, near) / np.where(near > 0, near, 1.0)
    within = 1 - (1 - 2 * tails[-1]) * share_within
    outside = 2 * tails[0] * beyond
    found = np.where(place == tails.size, within, between)
    return np.asarray(np.where(place == 0, outside, found))
