"""Signals to tell of in tests, and what happens next to them."""

from dataclasses import replace
from typing import Any

from tsfm_runner.domain.signals import BreachedBand, BreachSignal, FollowThrough

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


def closed(signal: BreachSignal, number: int) -> BreachSignal:
    """Return that a breach closed, so many steps after the start."""
    ts_s = START_S + number * STEP_S
    return replace(
        signal,
        id=number,
        phase="closed",
        ts_s=ts_s,
        price=0.55,
        recorded_at_s=ts_s + 1.5,
        closed_at_s=ts_s,
        close_reason="recovered",
    )


def followed(signal: BreachSignal, number: int) -> BreachSignal:
    """Return that the price of a breach went on, so many steps after the start."""
    ts_s = START_S + number * STEP_S
    return replace(
        signal,
        id=number,
        phase="followed",
        ts_s=ts_s,
        price=0.78,
        recorded_at_s=ts_s + 1.5,
        follow_through=FollowThrough(
            has_followed=True, largest_move=0.07, decided_at_s=ts_s
        ),
    )
