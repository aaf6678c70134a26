"""Whole studies of a few markets, done in this process."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.design import Design, Model, parts_of
from tsfm_runner.evaluation.document import DataTold
from tsfm_runner.evaluation.drawing import baseline, describe, panel_of
from tsfm_runner.evaluation.panel import origins_of
from tsfm_runner.evaluation.splits import SplitName
from tsfm_runner.evaluation.study import Plan, Study, plan_study, run_study
from tsfm_runner.evaluation.units import Unit
from tsfm_runner.ports import Arrays, ReadArrays
from tsfm_runner.service.calibration.describing import segments_of

TOLD = DataTold("made", "0" * 64)


class MemoryStore:
    """A ``WorkStore`` that keeps everything in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, Arrays] = {}

    def has(self, name: str) -> bool:
        return name in self._kept

    def path(self, name: str) -> Path:
        return Path(name)

    def write(self, name: str, arrays: Arrays) -> None:
        self._kept[name] = arrays

    def read(self, name: str) -> Arrays:
        return self._kept[name]

    def reader(self, name: str) -> ReadArrays:
        return partial(self.read, name)


def baselines(*names: str) -> list[Model]:
    """Return baselines as models to be studied."""
    return [baseline(name, "1") for name in names]


def planned(
    markets: Sequence[RecordedMarket],
    models: Sequence[Model],
    design: Design,
    *,
    split: SplitName = "time",
    seed: int = 1,
) -> Plan:
    """Return the plan of a study that keeps its bands."""
    return plan_study(markets, models, design, split=split, seed=seed, keeps_bands=True)


def studied(plan: Plan, store: MemoryStore | None = None) -> Study:
    """Do a study; the store has what the units found."""
    with LocalWorkers(1) as workers:
        return run_study(plan, workers, store or MemoryStore(), _ignore)


def bands_of(
    markets: Sequence[RecordedMarket],
    model: Model,
    design: Design,
    *,
    split: SplitName = "time",
    seed: int = 1,
) -> dict[str, np.ndarray]:
    """Return all calibrated bands of each market, (n_origins, horizon, n_levels)."""
    plan = planned(markets, [model], design, split=split, seed=seed)
    store = MemoryStore()
    studied(plan, store)
    found = {}
    for step_s in plan.steps:
        panel, origins = plan.panel_at(step_s)
        bands = store.read(f"score-0-{step_s}")["bands"]
        for place, market in enumerate(panel.markets):
            found[market.market_id] = bands[origins.markets == place]
    return found


def _ignore(_: Unit) -> None:
    """Hear of a unit that is done."""


def table_of(markets: Sequence[RecordedMarket]) -> pl.DataFrame:
    """Return markets as a recording has them: a row a point, with what is known."""
    return pl.concat(
        pl.DataFrame(
            {
                "market_id": one.market_id,
                "ts": pl.Series(one.times_s * 1_000).cast(pl.Datetime("ms", "UTC")),
                "price": one.prices,
                "event_id": one.group,
                "source": one.source,
                "category": one.facts.category,
                "tick_size": one.facts.tick_size,
                "closes_at": one.facts.closes_at,
            },
            schema_overrides={
                "category": pl.String,
                "tick_size": pl.Float64,
                "closes_at": pl.Datetime("ms", "UTC"),
            },
        )
        for one in markets
    )


def times_of(market: RecordedMarket) -> dict[datetime, float]:
    """Return the price of a market at each time."""
    pairs = zip(market.times_s.tolist(), market.prices.tolist(), strict=True)
    return {datetime.fromtimestamp(at, UTC): price for at, price in pairs}


def segments_at(
    markets: Sequence[RecordedMarket], design: Design
) -> dict[tuple[str, datetime], str]:
    """Return the segment of each market at each of its origins."""
    found = {}
    for part in parts_of(markets):
        panel = panel_of(part.markets, design, step_s=part.step_s)
        origins = origins_of(panel)
        places, steps = origins.markets.tolist(), origins.steps.tolist()
        categories = [panel.markets[place].facts.category for place in places]
        segments = segments_of(categories, describe(part, design)["codes"])
        for place, step, segment in zip(places, steps, segments, strict=True):
            cutoff = datetime.fromtimestamp(step * part.step_s, UTC)
            found[panel.markets[place].market_id, cutoff] = segment.name
    return found
