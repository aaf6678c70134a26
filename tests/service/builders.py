"""Short ways to make tasks and a service for tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from tests.fakes import FakeClock, FakeLedger, FakeTelemetry, FakeVerdicts

from tsfm_runner.adapters.memory_cache import MemoryCache
from tsfm_runner.config import ResilienceConfig, Settings
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.forecast import Rung, ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.model import (
    Capabilities,
    Environment,
    ModelRegistry,
    ModelRevision,
)
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.domain.task import ForecastTask, Transform
from tsfm_runner.ports import Clock, ForecastRuntime, Ledger, Telemetry, Verdicts
from tsfm_runner.service.activity import Activity
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.batching import Batcher, BatchLimits
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.board.signals import Signals
from tsfm_runner.service.breaking import Breaker
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.describing import Describer
from tsfm_runner.service.calibration.pending import Pending
from tsfm_runner.service.calibration.priors import Prior
from tsfm_runner.service.calibration.resuming import resume
from tsfm_runner.service.calibration.shadowing import Shadowing
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.completing import Completer
from tsfm_runner.service.degrading import Degradation
from tsfm_runner.service.feed import Feed
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.predicting import Predictor
from tsfm_runner.service.preparing import PreparedTask, prepare_many
from tsfm_runner.service.remembering import Memory
from tsfm_runner.service.routing import BASELINE_METHODS, Router
from tsfm_runner.service.signals.engine import Bounds, SignalEngine
from tsfm_runner.service.signals.references import References
from tsfm_runner.service.verdict.policy import Policy

CUTOFF = datetime(2026, 2, 20, 12, tzinfo=UTC)
SERIES = np.array([0.4 + 0.01 * (7 * step % 5) for step in range(60)])
QUICK = ResilienceConfig(backoff_s=1e-6)
NO_PRIORS: Mapping[str, Prior] = {}

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
    [ready] = prepare_many([task(prices, **fields)], Settings().preparation)
    return ready


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


def line(
    runtime: ForecastRuntime,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    telemetry: Telemetry | None = None,
) -> RuntimeLine:
    """Return the line to a runtime, at first well; by default retries do not wait."""
    settings = settings or Settings(resilience=QUICK)
    clock, telemetry = clock or FakeClock(), telemetry or FakeTelemetry()

    def new_breaker(family: str) -> Breaker:
        tell = partial(telemetry.breaker_changed, "tollama", family)
        return Breaker(settings.breaker, clock, tell)

    tell_mode = partial(telemetry.mode_changed, "tollama")
    degradation = Degradation(settings.degradation, clock, tell_mode)
    return RuntimeLine(
        "tollama",
        runtime,
        settings.resilience,
        degradation,
        new_breaker,
        {},
        telemetry,
        clock,
    )


def predictor(
    runtime: ForecastRuntime,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    activity: Activity | None = None,
    telemetry: Telemetry | None = None,
) -> Predictor:
    """Return a predictor over the runtime, within the limits of the settings."""
    settings = settings or Settings(resilience=QUICK)
    clock, telemetry = clock or FakeClock(), telemetry or FakeTelemetry()
    limits = BatchLimits(
        settings.tollama.max_series_per_call,
        settings.tollama.max_points_per_call,
        settings.resilience.max_calls_in_flight,
        settings.resilience.max_split_calls,
    )
    to_runtime = line(runtime, settings, clock=clock, telemetry=telemetry)
    batcher = Batcher(
        to_runtime, limits, clock, activity or Activity(), telemetry.batch_left
    )
    return Predictor(to_runtime, batcher)


def calibrator(  # noqa: PLR0913 - one argument a collaborator
    settings: Settings | None = None,
    *,
    ledger: Ledger | None = None,
    telemetry: Telemetry | None = None,
    wall_clock: Clock | None = None,
    priors: Mapping[str, Prior] = NO_PRIORS,
    signals: SignalEngine | None = None,
    publish: Callable[[BreachSignal], None] = lambda _: None,
) -> Calibrator:
    """Return a calibrator that goes on from the ledger, as bootstrap would make it.

    By default it has learned nothing, and its wall clock stands at the cutoff.
    """
    settings, ledger = settings or Settings(), ledger or FakeLedger()
    config = settings.calibration
    wall_clock = wall_clock or FakeClock(CUTOFF.timestamp())
    state = CalibrationState(config, settings.drift, priors)
    pending = Pending(
        max_bytes=config.max_pending_bytes, max_markets=config.max_markets
    )
    delay_s = 3_600 * config.max_outcome_delay_hours
    contents = ledger.read(awaited_after_s=wall_clock() - delay_s)
    numbers = resume(contents, state, pending, now_s=wall_clock(), max_delay_s=delay_s)
    signals = signals or engine(settings)
    signals.references.counts = state.false_alarms
    return Calibrator(
        state,
        pending,
        numbers=numbers,
        describer=Describer(HAR_TABLE),
        ledger=ledger,
        telemetry=telemetry or FakeTelemetry(),
        wall_clock=wall_clock,
        watch=signals,
        publish=publish,
    )


def engine(settings: Settings | None = None, *, first_id: int = 1) -> SignalEngine:
    """Return a watch over markets that has seen none."""
    settings = settings or Settings()
    return SignalEngine(
        settings.signals,
        References(settings.signals),
        Bounds(settings.calibration.max_markets, first_id),
    )


def completer(
    settings: Settings | None = None,
    *,
    lines: Mapping[Rung, RuntimeLine] | None = None,
    clock: Clock | None = None,
    calibrating: Calibrator | None = None,
) -> Completer:
    """Return a completer whose ids count up from one."""
    settings = settings or Settings()
    calibrating = calibrating or calibrator(settings)
    numbers = count(1)
    baselines = Baselines(settings.baseline, HAR_TABLE)
    shadowing = Shadowing(
        settings.band,
        baselines,
        calibrating,
        registry().models[settings.routing.baseline_method],
        is_enabled=settings.calibration.shadow,
    )
    return Completer(
        settings.band,
        baselines,
        shadowing,
        calibrating,
        lines or {},
        clock or FakeClock(),
        lambda: f"forecast-{next(numbers)}",
    )


def service(  # noqa: PLR0913 - one keyword for each thing that tests vary
    runtime: ForecastRuntime | None = None,
    *,
    settings: Settings | None = None,
    models: ModelRegistry | None = None,
    clock: Clock | None = None,
    telemetry: Telemetry | None = None,
    calibrating: Calibrator | None = None,
    verdicts: Verdicts | None = None,
    board: Board | None = None,
) -> ForecastService:
    """Return a service over the runtime; without one, baselines only."""
    settings = settings or Settings(resilience=QUICK)
    clock, telemetry = clock or FakeClock(), telemetry or FakeTelemetry()
    calibrating = calibrating or calibrator(settings, telemetry=telemetry)
    rungs: dict[Rung, str] = {} if runtime is None else {"tollama": "chronos2"}
    predictors: dict[Rung, Predictor] = {}
    activity = Activity()
    if runtime is not None:
        predictors["tollama"] = predictor(
            runtime, settings, clock=clock, activity=activity, telemetry=telemetry
        )
    kept = MemoryCache[ServedForecast](settings.cache.max_bytes, clock)
    lines = {rung: each.line for rung, each in predictors.items()}
    policy = Policy(settings.routing, verdicts or FakeVerdicts())
    return ForecastService(
        settings,
        router=router(settings, models=models, rungs=rungs),
        policy=policy,
        predictors=predictors,
        completer=completer(
            settings, lines=lines, clock=clock, calibrating=calibrating
        ),
        memory=Memory(
            settings.cache,
            kept,
            clock,
            state_version=lambda: calibrating.version,
            policy_number=lambda: policy.number,
        ),
        activity=activity,
        telemetry=telemetry,
        board=board or a_board(settings),
    )


class NoSignals:
    """Signals that never find anything."""

    def judgement(self, market_id: str) -> None:
        """Find nothing."""

    def standing(self, market_id: str) -> None:
        """Find nothing."""


def a_board(
    settings: Settings | None = None,
    *,
    signals: Signals | None = None,
    feed: Feed | None = None,
    wall_clock: Clock | None = None,
) -> Board:
    """Return a board that is empty; its wall clock stands at the cutoff."""
    settings = settings or Settings()
    return Board(
        settings.pages,
        settings.signals,
        signals=signals or NoSignals(),
        notices=feed or Feed(),
        wall_clock=wall_clock or FakeClock(CUTOFF.timestamp()),
    )
