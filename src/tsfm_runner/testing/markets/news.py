"""News that strikes a simulated market at a moment that is chosen."""

from typing import NamedTuple

import numpy as np

from tsfm_runner.testing.markets.normal import (
    FloatArray,
    normal_cdf,
    normal_quantile,
)

NEAREST_EDGE = 0.02
_LEAST = 1e-4  # from 0 and 1, where probits have no end


class News(NamedTuple):
    """A price leaps by ``size`` at step ``at``, then goes on or comes back.

    ``onward`` is what comes over the ``n_steps`` after it, as a share of the leap in
    probits: 0.5 goes on by half of it, -1 takes all of it back.
    """

    at: int
    size: float
    onward: float = 0.0
    n_steps: int = 12


def with_news(prices: FloatArray, news: News, *, tick: float) -> FloatArray:
    """Return the prices of a market, as they would have been with the news.

    Those before it stay what they are; whatever else moves the market moves it on.
    """
    rest = np.clip(prices[news.at :], _LEAST, 1 - _LEAST)
    target = np.clip(rest[0] + news.size, NEAREST_EDGE, 1 - NEAREST_EDGE)
    probits = normal_quantile(rest)
    leap = normal_quantile(np.array([target]))[0] - probits[0]
    since = np.arange(rest.size) / news.n_steps
    moved = normal_cdf(probits + leap * (1 + news.onward * np.minimum(since, 1.0)))
    on_grid = np.clip(np.round(moved / tick) * tick, tick, 1 - tick)
    return np.concatenate((prices[: news.at], on_grid))
