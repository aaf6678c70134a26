"""How much a market matters: claims and rank shares, weighed and added up."""

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray


def rank_share(values: FloatArray) -> FloatArray:
    """Return the share of known values that each value is not below.

    A value that ties counts half of its ties, itself among them. Shares depend on
    the order alone: contracts and dollars, or one market a thousand times as large
    as the next, weigh the same as any other step of the order.

    Parameters
    ----------
    values : (n,) array
        In any unit; NaN where unknown.

    Returns
    -------
    (n,) array
        In (0, 1) where known, and 0 where not: unknown stands below everything.

    Examples
    --------
    >>> rank_share(np.array([10.0, 30.0, np.nan, 10.0, 900.0])).tolist()
    [0.25, 0.625, 0.0, 0.25, 0.875]

    """
    is_known = ~np.isnan(values)
    ordered = np.sort(values[is_known])
    shares = np.zeros(values.shape)
    if ordered.size:
        n_below = np.searchsorted(ordered, values[is_known], side="left")
        n_not_above = np.searchsorted(ordered, values[is_known], side="right")
        shares[is_known] = (n_below + n_not_above) / (2 * ordered.size)
    return shares


def priority(
    claims: BoolArray,
    amounts: FloatArray,
    *,
    claim_weights: FloatArray,
    amount_weights: FloatArray,
) -> FloatArray:
    """Return the points of each market: what it claims, and what it amounts to.

    Parameters
    ----------
    claims : (n, n_claims) array of bool
        What is true of a market or not, such as being on a watchlist.
    amounts : (n, n_amounts) array
        What a market has much or little of, in any unit, NaN where unknown. Each
        column enters by its ``rank_share``.
    claim_weights, amount_weights : (n_claims,) and (n_amounts,) arrays
        Points of a claim that is true, and of a rank share of one; at least 0.

    Returns
    -------
    (n,) array
        Points, higher for markets that matter more.

    Raises
    ------
    ValueError
        If a weight is negative or not finite.

    Examples
    --------
    >>> priority(
    ...     np.array([[False], [True], [False]]),
    ...     np.array([[7.0], [np.nan], [3.0]]),
    ...     claim_weights=np.array([2.0]),
    ...     amount_weights=np.array([1.0]),
    ... ).tolist()
    [0.75, 2.0, 0.25]

    """
    for weights in (claim_weights, amount_weights):
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise ValueError("weights must be finite and at least 0")
    shares = np.stack([rank_share(column) for column in amounts.T], axis=1)
    return claims @ claim_weights + shares @ amount_weights
