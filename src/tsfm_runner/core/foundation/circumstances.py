"""Features of a model: time, and how much of the context is known."""

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.core.foundation.window import Window


def circumstance_features(
    window: Window,
    *,
    is_observed: BoolArray,
    step_minutes: FloatArray,
    steps_to_close: FloatArray,
) -> dict[str, FloatArray]:
    """Return the cadence, the time to the close, and how much is known.

    Parameters
    ----------
    window : Window
    is_observed : (n_markets, 288) array of bool
        False where a price was filled forward; padding may hold anything.
    step_minutes : (n_markets,) array
        Positive.
    steps_to_close : (n_markets,) array
        NaN where nobody told, or where the close is not ahead.

    Returns
    -------
    dict of str to (n_markets,) array
        By the name of the feature; not yet bounded.

    """
    knows_close = steps_to_close > 0
    ahead = np.where(knows_close, steps_to_close, 0)
    n_filled = np.count_nonzero(window.is_valid & ~is_observed, axis=1)
    return {
        "log_step_minutes": np.log(step_minutes / 5) / 2,
        "log_steps_to_close": np.where(knows_close, (np.log1p(ahead) - 6) / 3, 0),
        "knows_close": knows_close.astype(np.float64),
        "log_length": np.log(window.lengths / CONTEXT_STEPS),
        "gap_share": n_filled / window.lengths,
    }
