"""A watch over made-up markets: what their prices are said to be like, step by step."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from tests.service.builders import engine

from tsfm_runner.config import Settings, SignalsConfig
from tsfm_runner.domain.signals import BreachedBand, BreachSignal
from tsfm_runner.service.calibration.points import MarketPoints
from tsfm_runner.service.signals.trials import MarketKey, Trial

START_S = 1_700_000_100.0
STEP_S = 300
MEDIAN = 0.5

UP = 0.6
DOWN = 0.4


def moment(step: float) -> float:
    """Return the epoch seconds of a step."""
    return START_S + step * STEP_S


def trial(
    step: float,
    *,
    price: float = UP,
    p: float = 0.01,
    name: str = "rain",
    **changes: Any,  # noqa: ANN401 - any field
) -> Trial:
    """Return the trial of a price against a band around 0.5, one step old."""
    band = BreachedBand(
        issued_at_s=moment(step - 1),
        step=1,
        step_s=changes.pop("step_s", STEP_S),
        coverage=0.9,
        lower=0.45,
        median=MEDIAN,
        upper=0.55,
        model_name="ewma",
        model_version="1",
        segment="all",
    )
    made = Trial(
        MarketKey(name, band.step_s),
        None,
        None,
        moment(step),
        price,
        p,
        abs(price - MEDIAN) >= 0.05,
        band,
    )
    return made._replace(**changes)


class Watched:
    """An engine with any settings; what it tells is kept."""

    def __init__(self, *, first_id: int = 1, **settings: Any) -> None:  # noqa: ANN401
        signals = SignalsConfig.model_validate(settings)
        self.engine = engine(Settings(signals=signals), first_id=first_id)
        self.told: list[BreachSignal] = []

    def see(
        self, step: float, *trials: Trial, now: float | None = None
    ) -> list[BreachSignal]:
        """Judge prices, at a time of day that is by default theirs."""
        now_s = moment(step if now is None else now)
        found = self.engine.judge(trials, now_s=now_s)
        self.told += found
        return found

    def go(self, *prices: float, p: float = 0.01, start: int = 0) -> list[str]:
        """Judge a price a step; return the phases of what was told."""
        found = [
            one
            for step, price in enumerate(prices, start)
            for one in self.see(step, trial(step, price=price, p=p))
        ]
        return [one.phase for one in found]

    def hear(
        self,
        points: Mapping[float, float],
        *,
        name: str = "rain",
        now: float | None = None,
    ) -> list[BreachSignal]:
        """Tell prices by step, at a time of day that is by default the last one's."""
        times_s = np.array([moment(step) for step in points])
        told = MarketPoints(name, times_s, np.array(list(points.values())))
        now_s = float(times_s[-1]) if now is None else moment(now)
        found = self.engine.hear([told], now_s=now_s)
        self.told += found
        return found

    def resume(self, breaches: Iterable[BreachSignal], *, step: float = 0) -> None:
        """Go on with breaches of a process before, in one that begins at a step."""
        self.engine.restore(breaches, now_s=moment(step))

    def sweep(self, step: float) -> list[BreachSignal]:
        """Look at silent markets at a step."""
        found = self.engine.sweep(moment(step))
        self.told += found
        return found
