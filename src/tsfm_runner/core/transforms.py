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
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * log_odds))


def started_logit(prices: FloatArray, *, start: float) -> FloatArray:
    """Return the log-odds of prices that are first squeezed towards the middle.

    Unlike a clip, the squeeze keeps prices apart that lie near 0 or 1: every
    change of the price is a change of the result, and none is a huge one.

    Parameters
    ----------
    prices : array of any shape
        In [0, 1]; NaN stays NaN.
    start : float
        Positive: added to the price and to its complement.

    References
    ----------
    Tukey (1977), Exploratory data analysis, chapter 15: started logs and counts.

    Examples
    --------
    >>> started_logit(np.array([0.0, 0.5]), start=1.0).round(4).tolist()
    [-0.6931, 0.0]

    """
    return np.asarray(np.log(prices + start) - np.log(1 - prices + start))


def started_expit(log_odds: FloatArray, *, start: float) -> FloatArray:
    """Return the prices that ``started_logit`` takes to the log-odds.

    They lie in ``(-start, 1 + start)``: a band may reach beyond 0 and 1.
    """
    return expit(log_odds) * (1 + 2 * start) - start


def started_logit_slope(prices: FloatArray, *, start: float) -> FloatArray:
    """Return how fast ``started_logit`` grows with the price, always positive.

    Examples
    --------
    >>> started_logit_slope(np.array([0.0]), start=0.5).round(4).tolist()
    [2.6667]

    """
    return 1 / (prices + start) + 1 / (1 - prices + start)
