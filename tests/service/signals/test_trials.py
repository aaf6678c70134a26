"""Prices against bands that the calibrated service really issued."""

from typing import Any

import numpy as np
import pytest
from tests.service.calibration.desk import (
    START_S,
    STEP_S,
    Desk,
    cutoff_at,
    moment,
    walks,
)

from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import N_BINS
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.calibration.priors import Prior

N_STEPS = 60
ROWS = walks(6, N_STEPS + 20, seed=5)
SOON = {"min_scores": 40, "min_segment_scores": 10, "shrinkage": 20.0}


def busy(**sections: Any) -> Desk:  # noqa: ANN401 - sections are any
    """Return a desk that has seen five hours of six markets."""
    calibration = SOON | sections.pop("calibration", {})
    desk = Desk(calibration=calibration, **sections)
    desk.replay(ROWS, range(30, 30 + N_STEPS - 20))
    return desk


def signals(desk: Desk) -> list[BreachSignal]:
    """Return what was signalled; all of it is in the ledger as well."""
    told = desk.telemetry.signals
    assert [one for one in desk.ledger.entries if isinstance(one, BreachSignal)] == told
    return told


def jump(desk: Desk, *, to: float = 0.2, step: int = 70) -> list[BreachSignal]:
    """Let one market jump by so much; return what is signalled then."""
    n_before = len(signals(desk))
    last = {name: float(row[step - 1]) for name, row in ROWS.items()}
    told = last | {"m0": last["m0"] + to}
    desk.clock.now_s = moment(step)
    desk.tell_all(step, told)
    return [one for one in signals(desk)[n_before:] if one.market_id == "m0"]


def test_a_jump_is_signalled_with_the_band_that_was_issued_for_its_time() -> None:
    desk = busy()
    waiting = desk.calibrator.pending
    assert len(waiting) > 0

    [signal] = jump(desk)

    band = signal.band
    assert (signal.phase, signal.direction, signal.severity) == (
        "opened",
        "up",
        "extreme",
    )
    assert signal.price > band.upper >= band.median >= band.lower
    assert band.issued_at_s + band.step * band.step_s == moment(70)
    assert (band.step_s, band.coverage, band.model_name) == (STEP_S, 0.8, "ewma")
    assert signal.p_value < 0.005
    assert signal.ts_s == moment(70) > START_S


def test_every_price_has_a_judgement_and_calm_ones_nothing_more() -> None:
    desk = busy()
    engine = desk.signals

    assert all(engine.judgement(name) is not None for name in ROWS)
    calm = [engine.judgement(name) for name in ROWS]
    assert {one.n_steps for one in calm if one is not None} == {0}
    assert {one.band.step for one in calm if one is not None} == {1}


def test_p_values_are_as_often_small_as_they_say() -> None:
    desk = busy(calibration={"level_rate": 0.0, "market_rate": 0.0, "caution": 1.0})
    found = []
    for step in range(70, 80):
        desk.ask(step, {name: row[: step + 1] for name, row in ROWS.items()})
        judged = [desk.signals.judgement(name) for name in ROWS]
        found += [one.p_value for one in judged if one is not None]

    assert np.mean(np.array(found) <= 0.5) == pytest.approx(0.5, abs=0.2)
    assert np.mean(np.array(found) <= 0.1) <= 0.25


def test_bands_that_nobody_calibrated_judge_nothing() -> None:
    desk = Desk(calibration={"min_scores": 10_000})
    desk.replay(ROWS, range(30, 70))

    assert jump(desk) == []
    assert desk.signals.judgement("m0") is None


def test_a_prior_is_enough_to_judge_by() -> None:
    shares = np.zeros((1, N_BINS))
    shares[:, [0, 35]] = 0.5
    zeros = np.zeros((1, N_FEATURES))
    prior = Prior(shares, zeros, np.zeros((1, N_FEATURES, N_FEATURES)))
    cold = Desk(priors={"ewma": prior})
    cold.ask(69, {name: row[20:70] for name, row in ROWS.items()})

    assert [one.phase for one in jump(cold)] == ["opened"]


def test_without_signals_nothing_is_watched() -> None:
    desk = busy(signals={"enabled": False})

    assert jump(desk) == []
    assert desk.signals.judgement("m0") is None


def test_only_bands_of_the_last_while_judge_but_the_newest_always_does() -> None:
    short, long = busy(signals={"lookback_minutes": 5}), busy()
    for desk in (short, long):
        jump(desk, to=0.0, step=70)  # no band is issued here
        jump(desk, to=0.2, step=71)

    newest = short.signals.judgement("m0")
    assert newest is not None
    assert newest.band.step == 2
    anyone = long.signals.judgement("m0")
    assert anyone is not None
    assert anyone.band.step in (2, 3)


def test_the_newest_band_says_when_a_market_closes() -> None:
    desk = Desk(calibration=SOON)
    soon, later = (MarketFacts(closes_at=cutoff_at(step)) for step in (71, 90))
    desk.replay(ROWS, range(30, 69), facts=soon)
    row = ROWS["m0"][:71].copy()
    row[69:] += 0.1
    desk.ask(69, {"m0": row[:70]}, facts=later)  # it was put off

    told = jump(desk, to=0.2, step=71)

    assert told[-1].band.issued_at_s < moment(69)
    assert told[-1].is_open


def test_what_is_signalled_goes_into_the_ledger_with_what_it_was_learned_from() -> None:
    desk = busy()
    n_appends = desk.ledger.n_appends

    jump(desk)

    assert desk.ledger.n_appends == n_appends + 1


def test_a_sweep_writes_down_what_it_closes() -> None:
    desk = busy()
    jump(desk)
    desk.clock.now_s = moment(75)

    desk.calibrator.sweep()
    desk.calibrator.sweep()

    assert [one.close_reason for one in signals(desk)[-1:]] == ["stale"]


def test_a_price_without_a_band_may_still_decide_a_breach() -> None:
    desk = busy()
    [opened] = jump(desk)
    desk.clock.now_s = moment(80)

    desk.tell("m0", {80: opened.price + 0.1})

    assert signals(desk)[-1].phase == "followed"


def test_false_alarms_that_were_learned_outlive_the_process() -> None:
    desk = busy()
    learned = desk.calibrator.state.false_alarms[STEP_S]
    assert learned.sum() > 0
    desk.snapshot()

    again = Desk(ledger=desk.ledger, calibration=SOON, now_s=desk.clock.now_s)

    assert (again.calibrator.state.false_alarms[STEP_S] == learned).all()
    assert (again.signals.references.counts[STEP_S] == learned).all()


def test_a_p_value_says_what_the_band_says() -> None:
    desk = busy()
    answers = {
        one.task.market_id: one
        for one in desk.ask(70, {name: row[20:71] for name, row in ROWS.items()})
    }
    rng = np.random.default_rng(4)
    prices = {
        name: round(float(ROWS[name][70]) + 0.01 * int(rng.integers(-6, 7)), 2)
        for name in ROWS
    }

    desk.clock.now_s = moment(71)
    desk.tell_all(71, prices)

    for name, price in prices.items():
        answer, judged = answers[name], desk.signals.judgement(name)
        assert judged is not None
        low, high = answer.values[0, 0] - 1e-6, answer.values[0, -1] + 1e-6
        target = answer.certificate
        if judged.band.step == 1:
            assert (judged.p_value <= 0.2) == (not low <= price <= high)
            is_inside = target.lower[0] - 1e-6 <= price <= target.upper[0] + 1e-6
            assert (judged.p_value <= 0.1) == (not is_inside)
    assert len({round(one, 2) for one in prices.values()}) > 1
