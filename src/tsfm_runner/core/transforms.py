"""Between prices in [0, 1] and the unbounded space in which models work."""

import numpy as np

from tsfm_runner.core.arrays import FloatArray


def logit(prices: FloatArray, *, eps: float) -> FloatArray:
    """Return the log-odds of prices that are first kept ``eps`` off 0 and 1.

    Parameters
    ----------
    prices : array of any shape
        In [0, 1]; NaN stays NaN.
    eps : float
        In (0, 0.5). At ``eps = 1e-6`` log-odds lie within about +-13.8.

    Examples
    --------
    >>> logit(np.array([0.5, 1.0]), eps=0.25).round(4).tolist()
    [0.0, 1.0986]

    """
    kept = np.clip(prices, eps, 1 - eps)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def expit(log_odds: FloatArray) -> FloatArray:
    """Return the probability of log-odds, without overflow for any input.

    Examples
    --------
    >>> expit(np.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]

    """
    small = np.exp(-np.abs(log_odds))
    return np.asarray(np.where(log_odds >= 0, 1, small) / (1 + small))


def anchored_expit(log_odds: FloatArray, *, last: FloatArray, eps: float) -> FloatArray:
    """Return prices of log-odds, moved so that the last price maps to itself.

    Parameters
    ----------
    log_odds : (n_markets, n_steps, n_levels) array
        Around ``logit(last, eps=eps)``.
    last : (n_markets,) array
        Last prices. Those within ``eps`` of 0 or 1 lose up to ``eps`` in the
        logit; here they get it back.
    eps : float
        As it was given to ``logit``.

    """
    lost = last - np.clip(last, eps, 1 - eps)
    return expit(log_odds) + lost[:, None, None]
