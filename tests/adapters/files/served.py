"""Made-up answers, for tests of what is written and drawn."""

from datetime import UTC, datetime

import numpy as np

from tsfm_runner.domain.calibration import Certificate
from tsfm_runner.domain.forecast import (
    FallbackReason,
    Provenance,
    RouteStep,
    ServedForecast,
)
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, Transform

CUTOFF = datetime(2026, 2, 20, 12, tzinfo=UTC)


def served(  # noqa: PLR0913 - one keyword for each thing that tests vary
    market_id: str,
    *,
    horizon: int = 2,
    levels: tuple[float, ...] = (0.1, 0.5, 0.9),
    fallback_reason: FallbackReason | None = None,
    warnings: tuple[str, ...] = (),
    n_points: int = 30,
) -> ServedForecast:
    """Return a band that opens by a hundredth a step around 0.5."""
    steps = np.arange(1, horizon + 1)[:, None]
    values = 0.5 + 0.01 * steps * (2 * np.array(levels) - 1)
    task = ForecastTask(
        market_id=market_id,
        cutoff=CUTOFF,
        freq=Frequency.parse("5m"),
        horizon=horizon,
        quantile_levels=levels,
        context=0.5 + 0.1 * np.sin(np.arange(n_points, dtype=np.float64)),
        transform=Transform("logit", 1e-6),
    )
    origin = _provenance(fallback_reason, warnings)
    return ServedForecast(
        task,
        values,
        values,
        _certificate(horizon),
        origin,
        latency_ms=1.0,
        computed_at_s=0.0,
    )


def _certificate(horizon: int) -> Certificate:
    reach = 0.02 * np.arange(1, horizon + 1, dtype=np.float64)
    return Certificate(
        status="calibrated",
        segment="category=none",
        n=200,
        empirical_coverage=0.9,
        coverage_interval=(0.85, 0.94),
        target_coverage=0.9,
        lower=0.5 - reach,
        upper=0.5 + reach,
        state_version=7,
        updated_at_s=CUTOFF.timestamp(),
    )


def _provenance(reason: FallbackReason | None, warnings: tuple[str, ...]) -> Provenance:
    return Provenance(
        forecast_id="made-up",
        runtime="baseline",
        model_name="ewma",
        model_version="1",
        license_tag="commercial_ok",
        input_length=30,
        missing_ratio=0.0,
        quantile_source={},
        route=(RouteStep("baseline", is_taken=True, reason=None),),
        fallback_reason=reason,
        warnings=warnings,
        batch_size=1,
        breaker_state=None,
        n_crossings=0,
    )
