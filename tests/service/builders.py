"""Short ways to make tasks and a service for tests."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
from tests.fakes import FakeClock

from tsfm_runner.config import Settings
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.model import (
    Capabilities,
    Environment,
    ModelRegistry,
    ModelRevision,
)
from tsfm_runner.domain.task import ForecastTask, Transform
from tsfm_runner.ports import Clock, ForecastRuntime
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.predicting import Predictor
from tsfm_runner.service.preparing import PreparedTask, prepare
from tsfm_runner.service.routing import BASELINE_METHODS, Router

CUTOFF = datetime(2026, 2, 20, 12, tzinfo=UTC)
SERIES = np.array([0.4 + 0.01 * (7 * step % 5) for step in range(60)])

HAR_TABLE = HarTable.from_mapping(
    {
        "steps": [1, 288],
        "windows": [6, 24],
        "coefficients": [[0.5, 0.5, 0, 0, 0], [1, 1, 0, 0, 0]],
        "prior": [0.1, 0, 0],
        "prior_weight": 1,
        "levels": [0.001, 0.1, 0.5, 0.9, 0.999],
        "offsets": [[-4, -2, 0, 2, 4], [-4, -2, 0, 2, 4]],
        "floor": 0.00025,
    }
)


def task(prices: Any = SERIES, **fields: Any) -> ForecastTask:  # noqa: ANN401
    """Return a task with usual fields, some of them replaced."""
    usual: dict[str, Any] = {
        "market_id": "m",
        "cutoff": CUTOFF,
        "freq": Frequency.parse("5m"),
        "horizon": 3,
        "quantile_levels": (0.1, 0.5, 0.9),
        "transform": Transform("identity", 1e-6),
    }
    return ForecastTask(context=np.array(prices, float), **(usual | fields))


def prepared(prices: Any = SERIES, **fields: Any) -> PreparedTask:  # noqa: ANN401
    """Return a prepared task with usual fields, some of them replaced."""
    return prepare(task(prices, **fields), Settings().preparation)


def revision(name: str, **fields: Any) -> ModelRevision:  # noqa: ANN401
    """Return a model of the runtime, some of its fields replaced."""
    model = ModelRevision(
        name=name,
        provider="tollama",
        family="torch",
        revision="main",
        license_name="apache-2.0",
        license_tag="commercial_ok",
        capabilities=Capabilities(),
    )
    return replace(model, **fields)


def registry(
    *models: ModelRevision,
    environment: Environment = "dev",
    allowed: Sequence[str] = ("chronos2",),
) -> ModelRegistry:
    """Return a registry of the baselines, chronos2 and the models given."""
    known = [revision(method, provider="baseline") for method in BASELINE_METHODS]
    known += [revision("chronos2"), *models]
    return ModelRegistry(
        environment, {model.name: model for model in known}, frozenset(allowed)
    )


def router(
    settings: Settings | None = None,
    *,
    models: ModelRegistry | None = None,
    rungs: Mapping[Rung, str] | None = None,
) -> Router:
    """Return a router; by default tollama is configured and serves chronos2."""
    settings = settings or Settings()
    defaults: dict[Rung, str] = {"tollama": "chronos2"}
    return Router(
        settings.routing,
        settings.preparation,
        models or registry(),
        dict(defaults if rungs is None else rungs),
    )


def service(
    runtime: ForecastRuntime | None = None,
    *,
    settings: Settings | None = None,
    models: ModelRegistry | None = None,
    clock: Clock | None = None,
) -> ForecastService:
    """Return a service over the runtime; without one, baselines only."""
    settings = settings or Settings()
    numbers = count(1)
    rungs: dict[Rung, str] = {} if runtime is None else {"tollama": "chronos2"}
    predictors: dict[Rung, Predictor] = {}
    if runtime is not None:
        limit = settings.tollama.max_series_per_call
        line = RuntimeLine(runtime, settings.resilience, asyncio.Semaphore(2))
        predictors["tollama"] = Predictor(line, limit, 32)
    return ForecastService(
        settings,
        router(settings, models=models, rungs=rungs),
        predictors,
        Baselines(settings.baseline, HAR_TABLE),
        clock or FakeClock(),
        lambda: f"forecast-{next(numbers)}",
    )
