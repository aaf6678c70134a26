"""A calibrated service before a made-up world, one step of five minutes at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from tests.fakes import FakeClock, FakeLedger, FakeTelemetry
from tests.service.builders import (
    CUTOFF,
    NO_PRIORS,
    calibrator,
    completer,
    engine,
    router,
    task,
)

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.ledger import OutcomeSource
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.calibrator import Calibrator, Told
from tsfm_runner.service.calibration.persisting import to_bytes
from tsfm_runner.service.calibration.points import MarketPoints
from tsfm_runner.service.calibration.priors import Prior
from tsfm_runner.service.calibration.snapshots import snapshot
from tsfm_runner.service.completing import Journey
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import prepare_many

STEP_S = 300
START_S = CUTOFF.timestamp()
LENGTH = 48
SOON = {"min_scores": 40, "min_segment_scores": 10, "shrinkage": 20.0}

Prices = Mapping[str, FloatArray]


def moment(step: float) -> float:
    """Return the epoch seconds of a step of the made-up world."""
    return START_S + step * STEP_S


def cutoff_at(step: float) -> datetime:
    return CUTOFF + timedelta(seconds=step * STEP_S)


def walks(
    n_markets: int, n_steps: int, *, seed: int, sd: float = 0.01, tick: float = 0.01
) -> dict[str, FloatArray]:
    """Return prices on a grid that take independent steps of one size."""
    rng = np.random.default_rng(seed)
    steps = sd * rng.normal(size=(n_markets, n_steps))
    free = rng.uniform(0.35, 0.65, (n_markets, 1)) + np.cumsum(steps, axis=1)
    folded = np.abs((free - 0.1) % 1.6 - 0.8) + 0.1  # between 0.1 and 0.9
    rows = np.round(folded / tick) * tick
    return {f"m{place}": row for place, row in enumerate(rows)}


class Desk:
    """Asks for bands and tells outcomes; the wall clock stands at the last step."""

    def __init__(
        self,
        *,
        ledger: FakeLedger | None = None,
        priors: Mapping[str, Prior] = NO_PRIORS,
        now_s: float = START_S,
        **sections: Any,  # noqa: ANN401 - sections are any
    ) -> None:
        self.settings = Settings.model_validate(sections)
        self.clock = FakeClock(now_s)
        self.telemetry = FakeTelemetry()
        self.ledger = ledger or FakeLedger()
        self.signals = engine(self.settings)
        self.calibrator: Calibrator = calibrator(
            self.settings,
            signals=self.signals,
            ledger=self.ledger,
            telemetry=self.telemetry,
            wall_clock=self.clock,
            priors=priors,
        )
        self.completer = completer(self.settings, calibrating=self.calibrator)

    def ask(
        self,
        step: float,
        prices: Prices,
        *,
        band: Sequence[float] | None = None,
        now: float | None = None,
        **fields: Any,  # noqa: ANN401 - fields are any
    ) -> list[ServedForecast]:
        """Return bands of all markets from a step; ``band`` is flat in place of ewma's.

        The series of a market is all of its prices that are handed in. The wall clock
        stands at ``now``, by default at the step.
        """
        self.clock.now_s = moment(step if now is None else now)
        fields = {"horizon": 3} | fields
        tasks = [
            task(row, market_id=name, cutoff=cutoff_at(step), **fields)
            for name, row in prices.items()
        ]
        raw = None
        if band is not None:
            rows = np.tile(np.array(band, float), (fields["horizon"], 1))
            raw = RawBand(rows, {}, (), 1)
        return self.completer.complete(
            [
                Journey(ready, BASELINE.plan(ready), None, 0.0, raw)
                for ready in prepare_many(tasks, self.settings.preparation)
            ]
        )

    def tell(
        self,
        name: str,
        points: Mapping[float, float],
        *,
        source: OutcomeSource = "observation",
    ) -> Told:
        """Tell prices of a market by step; the wall clock stands still."""
        times_s = np.array([moment(step) for step in points])
        told = MarketPoints(name, times_s, np.array(list(points.values())))
        return self.calibrator.tell([told], source=source)

    def tell_all(self, step: float, prices: Mapping[str, float]) -> Told:
        """Tell the prices of many markets at one step, all at once."""
        at = np.array([moment(step)])
        points = [MarketPoints(name, at, np.array([y])) for name, y in prices.items()]
        return self.calibrator.tell(points, source="observation")

    def replay(
        self,
        prices: Prices,
        steps: range,
        **fields: Any,  # noqa: ANN401
    ) -> list[list[ServedForecast]]:
        """Ask at each step with all prices up to it, as many as a context holds."""
        return [self.ask(step, up_to(prices, step), **fields) for step in steps]

    def snapshot(self) -> None:
        self.ledger.append([snapshot(self.calibrator, self.clock)])

    @property
    def state(self) -> bytes:
        """Everything that was learned."""
        return to_bytes(self.calibrator.state)

    @property
    def counts(self) -> list[tuple[Any, ...]]:
        """The exact counts of all records, without the means."""
        return [
            (
                one.stream,
                one.is_shadow,
                one.segment,
                one.step,
                one.n,
                *(
                    (kind.n_closed, kind.n_open)
                    for kind in (one.served, one.raw, one.target)
                ),
            )
            for one in self.calibrator.state.records()
        ]

    @property
    def n_scored(self) -> int:
        return sum(n for n, _ in self.telemetry.scored)


BASELINE = router(rungs={})


def up_to(prices: Prices, step: int, length: int = LENGTH) -> dict[str, FloatArray]:
    """Return the prices that are known at a step."""
    return {
        name: row[max(0, step + 1 - length) : step + 1] for name, row in prices.items()
    }


def published(answers: Sequence[Sequence[ServedForecast]]) -> list[dict[str, Any]]:
    """Return what went out, in words that can be compared."""
    return [
        {
            "market": one.task.market_id,
            "values": one.values.tolist(),
            "raw": one.raw_values.tolist(),
            "target": (
                one.certificate.lower.tolist(),
                one.certificate.upper.tolist(),
            ),
            "status": one.certificate.status,
            "segment": one.certificate.segment,
            "n": one.certificate.n,
            "coverage": one.certificate.empirical_coverage,
            "interval": one.certificate.coverage_interval,
            "version": one.certificate.state_version,
        }
        for step in answers
        for one in step
    ]
