"""Features of a model: how often a price moves, and how moves follow one another."""

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.foundation.averaging import recent_means
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.core.foundation.window import LEAST_VARIANCE, Window

_LEAST_MOVE = 1e-7  # price units; anything smaller is the noise of storage
_LEAST_MEAN_MOVE = 1e-5
_COUNTED_STEPS = (6, 12, 48, CONTEXT_STEPS)
_RATIO_STEPS = (4, 12)
_EVEN = 0.5  # as many reversals as continuations, where there were none of either


def movement_features(window: Window) -> dict[str, FloatArray]:
    """Return how often each price moved, and whether it moves back or on.

    Parameters
    ----------
    window : Window

    Returns
    -------
    dict of str to (n_markets,) array
        By the name of the feature; not yet bounded.

    """
    is_move = window.sizes > _LEAST_MOVE
    n_moves = np.count_nonzero(is_move, axis=1)
    share_6, share_12, share_48, share = recent_means(
        is_move.astype(np.float64), window.n_changes, windows=_COUNTED_STEPS
    )
    mean_move = window.sizes.sum(axis=1) / np.maximum(window.n_changes, 1)
    sparseness = np.log((mean_move + _LEAST_MEAN_MOVE) / window.scale)
    return {
        "moving_share_6": share_6,
        "moving_share_12": share_12,
        "moving_share_48": share_48,
        "moving_share": share,
        "log_sparseness": sparseness / 2 + 1,
        "reversal_share": _reversal_share(window.changes, is_move, n_moves=n_moves),
        **_last_move(window, is_move, n_moves=n_moves),
        **_correlations(window, mean_move),
        **{
            f"log_variance_ratio_{n_steps}": _log_variance_ratio(window, n_steps)
            for n_steps in _RATIO_STEPS
        },
    }


def _last_move(
    window: Window, is_move: BoolArray, *, n_moves: IntArray
) -> dict[str, FloatArray]:
    n_since = np.argmax(is_move[:, ::-1], axis=1)
    newest = window.changes[np.arange(n_since.size), is_move.shape[1] - 1 - n_since]
    has_moved = n_moves > 0
    last_move = np.arcsinh(np.where(has_moved, newest, 0) / window.scale)
    return {
        "log_steps_since_move": np.log1p(np.where(has_moved, n_since, window.lengths))
        / 3,
        "last_move_size": np.abs(last_move),
        "last_move": last_move,
    }


def _reversal_share(
    changes: FloatArray, is_move: BoolArray, *, n_moves: IntArray
) -> FloatArray:
    """Return how many moves went back on the move before, of those that had one."""
    is_up = changes[is_move] > 0  # all rows in one, each from its start to its end
    n_reversals = np.zeros(is_up.size + 1, dtype=np.int64)
    np.cumsum(is_up[1:] != is_up[:-1], out=n_reversals[1:-1])
    end = np.cumsum(n_moves)
    start = end - n_moves
    n_pairs = np.maximum(n_moves - 1, 0)
    inside = n_reversals[start + n_pairs] - n_reversals[start]
    return np.where(n_pairs > 0, inside / np.maximum(n_pairs, 1), _EVEN)


def _correlations(window: Window, mean_move: FloatArray) -> dict[str, FloatArray]:
    """Return how each change, and its size, goes with that of the change before."""
    total = window.sum_of_squares + LEAST_VARIANCE
    is_known = window.is_valid[:, :-1]
    centred = (window.sizes - mean_move[:, None]) * is_known
    spread = np.einsum("ms,ms->m", centred, centred) + LEAST_VARIANCE
    return {
        "change_correlation": _lagged_products(window.changes) / total,
        "move_size_product": _lagged_products(window.sizes) / total,
        "move_size_correlation": _lagged_products(centred) / spread,
    }


def _lagged_products(terms: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("ms,ms->m", terms[:, 1:], terms[:, :-1]))


def _log_variance_ratio(window: Window, n_steps: int) -> FloatArray:
    """Compare the variance over some steps, for each of them, with that of one.

    Below 0 where moves are taken back, above where they go on.

    References
    ----------
    Lo and MacKinlay (1988), Stock Market Prices Do Not Follow Random Walks,
    Review of Financial Studies 1(1).

    """
    moved = window.prices[:, n_steps:] - window.prices[:, :-n_steps]
    moved *= window.is_valid[:, :-n_steps]
    n_known = np.maximum(window.lengths - n_steps, 1)
    over_steps = np.einsum("ms,ms->m", moved, moved) / (n_known * n_steps)
    over_one = window.sum_of_squares / np.maximum(window.n_changes, 1)
    ratio = np.log((over_steps + LEAST_VARIANCE) / (over_one + LEAST_VARIANCE)) / 2
    return np.where(window.lengths > n_steps, ratio, 0)
