"""What prices were, as requests and observations tell it."""

from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.task import FloatArray, ForecastTask


class MarketPoints(NamedTuple):
    """Prices of one market, ascending in time (epoch seconds), all known."""

    market_id: str
    times_s: FloatArray
    prices: FloatArray

    def until(self, latest_s: float) -> "MarketPoints":
        """Return these prices, but for those from after a moment."""
        n_kept = int(np.searchsorted(self.times_s, latest_s, side="right"))
        if n_kept == self.times_s.size:
            return self
        return self._replace(times_s=self.times_s[:n_kept], prices=self.prices[:n_kept])


def points_of(task: ForecastTask, *, since_s: float) -> MarketPoints:
    """Return the known prices of a task's own series from a moment on."""
    cutoff_s = task.cutoff.timestamp()
    if task.times_s is None:
        step_s = task.freq.step_s
        n_back = min(max(int((cutoff_s - since_s) // step_s), 0) + 1, task.context.size)
        prices = task.context[-n_back:]
        times_s = cutoff_s - step_s * np.arange(n_back - 1, -1, -1, dtype=np.float64)
    else:
        start = int(np.searchsorted(task.times_s, since_s))
        times_s, prices = task.times_s[start:], task.context[start:]
    is_known = ~np.isnan(prices)
    if is_known.all():
        return MarketPoints(task.market_id, times_s, prices)
    return MarketPoints(task.market_id, times_s[is_known], prices[is_known])
