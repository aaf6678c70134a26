"""What is known of one market: its newest answer, bands before it, prices after it."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.domain.task import FloatArray, ForecastTask
from tsfm_runner.service.board.bands import BandStep, IssuedBand
from tsfm_runner.service.calibration.points import MarketPoints

# Enough for one forecast a minute of a series with a price every five minutes.
_MAX_EARLIER = 8
_MAX_TOLD = 288
_N_RECENT = 48


class Prices(NamedTuple):
    """Prices and their times, oldest first; NaN where there is none."""

    times_s: FloatArray
    values: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class MarketStanding:
    """One market as it stands now.

    Attributes
    ----------
    served : ServedForecast
        The newest answer.
    ts_s, price : float
        The newest price that is known, and its time.
    recent : (n,) array
        The last prices, at most 48, up to the newest one; NaN where there is none.
    current : BandStep or None
        What was forecast for that time, by the newest band from before it.
    p_value : float or None
        How unusual signals find that very price.
    breach : BreachSignal or None
        The breach that is open, or was just closed.
    is_stale, is_closed : bool
        Whether the newest price is old, and whether the market has closed.
    stale_after_s : float
        When the newest price is or was old.

    """

    served: ServedForecast
    ts_s: float
    price: float
    recent: FloatArray
    current: BandStep | None
    ahead: BandStep
    p_value: float | None
    breach: BreachSignal | None
    is_stale: bool
    is_closed: bool
    stale_after_s: float
    updated_at_s: float


@dataclass(slots=True, eq=False)
class Market:
    """The newest answer, the bands before it, and the prices told after it.

    ``earlier`` are from oldest to newest; ``told`` ascend in time and lie after the
    newest price of the answer. ``shown`` is how it stood when it was last looked at,
    until ``shown_until_s`` or until something changes.
    """

    served: ServedForecast
    updated_at_s: float
    n_bytes: int
    earlier: tuple[IssuedBand, ...] = ()
    told: tuple[tuple[float, float], ...] = ()
    shown: MarketStanding | None = None
    shown_until_s: float = 0.0

    def renew(self, served: ServedForecast, now_s: float, n_bytes: int) -> None:
        """Put a newer answer in the place of the one known so far."""
        before, cutoff = self.served, served.task.cutoff
        if before.task.cutoff != cutoff:
            self.earlier = (*self.earlier[1 - _MAX_EARLIER :], IssuedBand.of(before))
        if self.told:
            cutoff_s = cutoff.timestamp()
            self.told = tuple(point for point in self.told if point[0] > cutoff_s)
        self.served, self.updated_at_s, self.n_bytes = served, now_s, n_bytes
        self.shown = None

    def tell(self, points: MarketPoints, *, now_s: float, latest_s: float) -> bool:
        """Take prices that are newer than all known, up to a moment; say if any are."""
        newest_s, _ = self.newest
        pairs = zip(points.times_s.tolist(), points.prices.tolist(), strict=True)
        newer = [point for point in pairs if newest_s < point[0] <= latest_s]
        if newer:
            self.told = (*self.told, *newer)[-_MAX_TOLD:]
            self.updated_at_s, self.shown = now_s, None
        return bool(newer)

    @property
    def newest(self) -> tuple[float, float]:
        """Time and value of the newest price that is known."""
        return self.told[-1] if self.told else self._last_of_answer()

    @property
    def recent(self) -> FloatArray:
        """The last prices, at most 48, up to the newest one."""
        task = self.served.task
        n_known = _last_known(task) + 1
        own = task.context[max(0, n_known - _N_RECENT) : n_known]
        if not self.told:
            return own
        return np.append(own, [price for _, price in self.told])[-_N_RECENT:]

    def band_for(self, ts_s: float) -> BandStep | None:
        """Return what the newest band from before a moment has forecast for it."""
        bands = (IssuedBand.of(self.served), *reversed(self.earlier))
        before = next((band for band in bands if band.cutoff_s < ts_s), None)
        return None if before is None else before.at(ts_s)

    def prices(self) -> Prices:
        """Return all prices up to the newest one."""
        task = self.served.task
        n_known = _last_known(task) + 1
        times_s = task.times_s
        if times_s is None:
            steps = np.arange(1 - task.context.size, 1, dtype=np.float64)
            times_s = task.cutoff.timestamp() + task.freq.step_s * steps
        told = np.array(self.told).reshape(-1, 2)
        return Prices(
            np.append(times_s[:n_known], told[:, 0]),
            np.append(task.context[:n_known], told[:, 1]),
        )

    def _last_of_answer(self) -> tuple[float, float]:
        task = self.served.task
        last = _last_known(task)
        price = float(task.context[last])
        if task.times_s is not None:
            return float(task.times_s[last]), price
        n_missing = task.context.size - 1 - last
        return task.cutoff.timestamp() - n_missing * task.freq.step_s, price


def _last_known(task: ForecastTask) -> int:
    """Return the place of the last price that is known."""
    context = task.context
    if not math.isnan(context[-1]):
        return context.size - 1
    return int(np.flatnonzero(~np.isnan(context))[-1])
