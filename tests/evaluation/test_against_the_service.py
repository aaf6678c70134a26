"""The calibrated path of a study is the service itself, whatever the arrangement."""

from datetime import UTC, datetime

import numpy as np
import pytest
from tests.evaluation.recordings import STEP_S, make_design, make_market, make_markets

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import CacheConfig, Settings, StoreConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import ForecastTask, ModelChoice, Transform
from tsfm_runner.evaluation.design import Design, Part, frequency_of
from tsfm_runner.evaluation.drawing import describe, draw_baseline, panel_of
from tsfm_runner.evaluation.material import Material, material_of
from tsfm_runner.evaluation.panel import Origins, Panel, origins_of
from tsfm_runner.evaluation.replaying import Replay

CONTEXT_LENGTH = 288


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def studied(
    markets: list[RecordedMarket], design: Design, method: str
) -> tuple[Material, np.ndarray]:
    part = Part("all", STEP_S, tuple(markets))
    panel = panel_of(markets, design, step_s=STEP_S)
    drawn = [draw_baseline(part, design, method)]
    material = material_of(
        panel, origins_of(panel), [describe(part, design)], drawn, (method, "1")
    )
    bands = np.full(material.raw.shape, np.nan)
    teaches = np.ones(len(panel.markets), dtype=np.bool_)
    for rows, values in Replay(material, design, teaches=teaches).bands():
        bands[rows] = values
    return material, bands


async def served(
    panel: Panel, origins: Origins, design: Design, method: str
) -> tuple[np.ndarray, np.ndarray]:
    clock = Clock()
    settings = Settings(cache=CacheConfig(ttl_s=0), store=StoreConfig(url="sqlite://"))
    shape = origins.places.size, design.horizon, len(design.quantile_levels)
    raw, bands = np.full(shape, np.nan), np.full(shape, np.nan)
    opening = open_backend(settings, clock=clock, wall_clock=clock, keeps=True)
    async with opening as backend:
        for step in np.unique(origins.steps).tolist():
            rows = np.flatnonzero(origins.steps == step)
            clock.now_s = float(step * STEP_S)
            tasks = [
                task_at(panel, origins, row, design, method) for row in rows.tolist()
            ]
            answers = await backend.forecasts.forecast_many(tasks, deadline_s=60)
            for row, answer in zip(rows, answers, strict=True):
                assert isinstance(answer, ServedForecast)
                raw[row], bands[row] = answer.raw_values, answer.values
    return raw, bands


def task_at(
    panel: Panel, origins: Origins, row: int, design: Design, method: str
) -> ForecastTask:
    place, market = origins.places[row], panel.markets[origins.markets[row]]
    first = max(panel.run_starts[place], place + 1 - CONTEXT_LENGTH)
    return ForecastTask(
        market_id=market.market_id,
        cutoff=datetime.fromtimestamp(origins.steps[row] * STEP_S, UTC),
        freq=frequency_of(STEP_S),
        horizon=design.horizon,
        quantile_levels=design.quantile_levels,
        context=panel.prices[first : place + 1],
        transform=Transform("logit", 1e-6),
        model=ModelChoice("baseline", method),
        facts=market.facts,
    )


@pytest.mark.parametrize("method", ["ewma", "har", "kalman", "rolling_quantile"])
async def test_a_study_draws_the_bands_that_the_service_serves(method: str) -> None:
    design = make_design(horizon=12)
    markets = make_markets(6)

    material, bands = studied(markets, design, method)
    raw_served, bands_served = await served(
        material.panel, material.origins, design, method
    )

    assert np.abs(material.raw - raw_served).max() < 1e-7
    assert np.abs(bands - bands_served).max() < 1e-6


async def test_it_does_so_without_a_tick_and_beyond_a_hole() -> None:
    design = make_design(horizon=3)
    rng = np.random.default_rng(7)
    prices = np.clip(0.5 + np.cumsum(rng.normal(0, 0.01, 120)), 0.01, 0.99)
    prices[50:80] = np.nan
    markets = [make_market("holed", prices, tick=None), *make_markets(2)]

    material, bands = studied(markets, design, "ewma")
    raw_served, bands_served = await served(
        material.panel, material.origins, design, "ewma"
    )

    assert np.abs(material.raw - raw_served).max() < 1e-7
    assert np.abs(bands - bands_served).max() < 1e-6
