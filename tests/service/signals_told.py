"""Signals to tell of in tests."""

from dataclasses import replace
from typing import Any

from tsfm_runner.domain.signals import BreachedBand, BreachSignal

START_S = 1_700_000_000.0
STEP_S = 300


def breach_signal(number: int, **changes: Any) -> BreachSignal:  # noqa: ANN401 - any field
    """Return the signal of this id: a breach that it opens, unless told otherwise."""
    ts_s = START_S + number * STEP_S
    signal = BreachSignal(
        id=number,
        dedupe_key=f"key-{number}",
        market_id="will-it-rain",
        event_id="weather",
        phase="opened",
        severity="moderate",
        direction="up",
        opened_at_s=ts_s,
        opened_price=0.71,
        ts_s=ts_s,
        price=0.71,
        p_value=0.04,
        q_value=0.11,
        n_steps=1,
        band=BreachedBand(
            issued_at_s=ts_s - 2 * STEP_S,
            step=2,
            step_s=STEP_S,
            coverage=0.9,
            lower=0.41,
            median=0.5,
            upper=0.6,
            model_name="chronos2",
            model_version="1",
            segment="weather|high|mid|week|5m",
        ),
        recorded_at_s=ts_s + 1.5,
    )
    return replace(signal, **changes)
