"""Rolling quantiles as they were first written: each row sorted by itself."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.core.levels import normal_scores


def rolling_quantiles_by_row(
    context: np.ndarray,
    *,
    horizon: int,
    quantile_levels: Sequence[float],
    min_changes: int,
    floor: np.ndarray,
) -> np.ndarray:
    """Return what ``rolling_quantiles`` must return, to the last bit."""
    levels = np.asarray(quantile_levels)
    n_known = (~np.isnan(context)).sum(axis=1)
    base = np.zeros((len(context), len(levels)))
    base_step = np.ones(len(context))
    offsets = np.empty((len(context), horizon, len(levels)))
    for step in range(1, horizon + 1):
        enough = n_known - step >= (1 if step == 1 else min_changes)
        if enough.any():
            changes = context[enough, step:] - context[enough, :-step]
            base[enough] = _order_statistics(changes, levels)
            base_step[enough] = step
        offsets[:, step - 1] = base * np.sqrt(step / base_step)[:, None]
    steps, scores = np.sqrt(np.arange(1, horizon + 1)), normal_scores(quantile_levels)
    least = floor[:, None, None] * steps[:, None] * np.abs(scores)
    below = np.minimum.accumulate(np.minimum(offsets, -least), axis=1)
    above = np.maximum.accumulate(np.maximum(offsets, least), axis=1)
    widened = np.where(levels < 0.5, below, above)
    widened = np.where(levels == 0.5, 0, widened)
    return np.asarray(context[:, -1, None, None] + widened)


def _order_statistics(changes: np.ndarray, levels: np.ndarray) -> np.ndarray:
    ordered = np.sort(changes, axis=1)  # NaN goes last
    last = (~np.isnan(ordered)).sum(axis=1, keepdims=True) - 1
    exact = last * levels
    lower, upper = np.floor(exact + 1e-9), np.ceil(exact - 1e-9)
    rank = np.where(levels < 0.5, lower, upper).astype(int)
    return np.asarray(np.take_along_axis(ordered, rank, axis=1))
