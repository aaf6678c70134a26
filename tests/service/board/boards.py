"""Answers to show on a board, without computing any."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from tests.service.builders import CUTOFF, task

from tsfm_runner.domain.calibration import Certificate
from tsfm_runner.domain.forecast import Provenance, ServedForecast
from tsfm_runner.service.calibration.points import MarketPoints

STEP_S = 300
CUTOFF_S = CUTOFF.timestamp()
PRICES = (0.41, 0.42, 0.44)


def answer(
    market_id: str = "rain",
    *,
    step: float = 0,
    prices: Sequence[float] = PRICES,
    lower: Sequence[float] = (0.4, 0.4, 0.4),
    upper: Sequence[float] = (0.6, 0.6, 0.6),
    **fields: Any,  # noqa: ANN401 - of the task
) -> ServedForecast:
    """Return an answer from so many steps after the usual cutoff."""
    asked = task(
        prices,
        market_id=market_id,
        **{"cutoff": CUTOFF + timedelta(seconds=step * STEP_S)} | fields,
    )
    levels = asked.quantile_levels
    values = np.tile(np.array(levels), (asked.horizon, 1))
    return ServedForecast(
        asked,
        values,
        values,
        Certificate(
            status="calibrated",
            segment="category=none",
            n=7,
            empirical_coverage=None,
            coverage_interval=None,
            target_coverage=0.9,
            lower=np.array(lower),
            upper=np.array(upper),
            state_version=1,
            updated_at_s=None,
        ),
        Provenance(
            forecast_id=f"{market_id} {step}",
            runtime="baseline",
            model_name="ewma",
            model_version="1",
            license_tag="commercial_ok",
            input_length=3,
            missing_ratio=0.0,
            quantile_source=dict.fromkeys(levels, "native"),
            route=(),
            fallback_reason=None,
            warnings=(),
            batch_size=1,
            breaker_state=None,
            n_crossings=0,
        ),
        latency_ms=1.0,
        computed_at_s=0.0,
    )


def told(*points: tuple[float, float], market_id: str = "rain") -> list[MarketPoints]:
    """Return prices by how many steps after the usual cutoff they stand."""
    steps, values = np.array(points).T
    return [MarketPoints(market_id, CUTOFF_S + STEP_S * steps, values)]
