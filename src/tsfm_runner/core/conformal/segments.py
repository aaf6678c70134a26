"""What kind of market it is, as far as that is known before the fact."""

from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

MOVING_CUTS = (0.03, 0.12, 0.3, 0.6)
EDGE_CUTS = (0.03, 0.12)
EXPIRY_CUTS = (12, 18, 24, 36, 72, 216)
YOUNG_STEPS = 36
_RECENT_STEPS = 24
_LEAST_MOVE = 1e-9


class SegmentCodes(NamedTuple):
    """Where each market stands on each axis, counted from 0.

    ``expiry`` is 0 where no end is scheduled, else one more than the place among
    the cuts; ``young`` is 1 for a market with a short history.
    """

    moving: IntArray
    expiry: IntArray
    edge: IntArray
    young: IntArray


def moving_share(context: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the share of steps that moved, and how many steps are known.

    The share is the mean of that of all steps and that of the last 24.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices, ends aligned; NaN before the shorter ones, finite from there on.

    Examples
    --------
    >>> share, n = moving_share(np.array([[0.5, 0.5, 0.6]]))
    >>> share.tolist(), n.tolist()
    ([0.5], [2.0])

    """
    moves = np.abs(context[:, 1:] - context[:, :-1])
    n_known = np.count_nonzero(~np.isnan(moves), axis=1).astype(np.float64)
    has_moved = moves > _LEAST_MOVE  # False where NaN
    n_moved = np.count_nonzero(has_moved, axis=1)
    n_lately = np.count_nonzero(has_moved[:, -_RECENT_STEPS:], axis=1)
    # Ends are aligned: what is not known of a short series lies before all else.
    share = n_moved / np.maximum(n_known, 1)
    recently = n_lately / np.clip(n_known, 1, _RECENT_STEPS)
    return (share + recently) / 2, n_known


def segment_codes(
    *,
    moving: FloatArray,
    n_changes: FloatArray,
    price: FloatArray,
    steps_to_expiry: FloatArray,
) -> SegmentCodes:
    """Return the codes of each market.

    Parameters
    ----------
    moving, n_changes : (n_markets,) array
        See `moving_share`.
    price : (n_markets,) array
        Last price, in [0, 1].
    steps_to_expiry : (n_markets,) array
        NaN where no end is scheduled.

    Examples
    --------
    >>> codes = segment_codes(
    ...     moving=np.array([0.2]),
    ...     n_changes=np.array([20.0]),
    ...     price=np.array([0.95]),
    ...     steps_to_expiry=np.array([np.nan]),
    ... )
    >>> [code.item() for code in codes]
    [2, 0, 1, 1]

    """
    is_open = np.isnan(steps_to_expiry)
    closing = 1 + np.digitize(np.where(is_open, 0, steps_to_expiry), EXPIRY_CUTS)
    return SegmentCodes(
        np.digitize(moving, MOVING_CUTS),
        np.where(is_open, 0, closing),
        np.digitize(np.minimum(price, 1 - price), EDGE_CUTS),
        (n_changes < YOUNG_STEPS).astype(np.int64),
    )
