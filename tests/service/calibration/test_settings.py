"""Every setting of the calibration acts: changing it changes what is done."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pytest
from tests.fakes import FakeLedger, FakeRuntime
from tests.service.builders import calibrator, service, task
from tests.service.calibration.desk import Desk

from tsfm_runner.config import Settings
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import N_BINS
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.calibration.priors import Prior

Play: TypeAlias = Callable[[dict[str, Any]], object]

FLAT = np.full(30, 0.4)
BAND = (0.3, 0.4, 0.5)
NARROW = (0.37, 0.4, 0.43)
ROWS = {f"m{place}": np.r_[FLAT, 0.41, 0.4] for place in range(16)}
FINE = MarketFacts(tick_size=1e-4)
EARLY: dict[str, float] = {"min_scores": 30, "min_segment_scores": 5}
WATCHFUL = {
    "min_recent_scores": 60.0,
    "watch_half_life_steps": 20.0,
    "recent_half_life_steps": 40.0,
    "cooldown_steps": 30,
}


def noisy(sections: dict[str, Any], *, steps: int = 40, louder_from: int = 20) -> Desk:
    """Return a desk that saw markets whose noise grows, half of them noisier."""
    desk = Desk(**sections)
    rng = np.random.default_rng(20260901)
    for step in range(steps):
        sd = 0.02 * np.tile([1, 1.5], 8) * (3 if step >= louder_from else 1)
        told = np.clip(0.4 + sd * rng.normal(size=16), 0, 1).tolist()
        desk.ask(step, ROWS, band=NARROW, horizon=1, facts=FINE)
        desk.tell_all(step + 1, dict(zip(ROWS, told, strict=True)))
    return desk


def bands(sections: dict[str, Any]) -> object:
    """Return the last bands after noisy outcomes."""
    desk = noisy(sections)
    answers = desk.ask(40, ROWS, band=NARROW, horizon=1, facts=FINE)
    return [one.values.tolist() for one in answers]


def target(sections: dict[str, Any]) -> object:
    desk = noisy(sections)
    [one, *_] = desk.ask(40, ROWS, band=NARROW, horizon=1, facts=FINE)
    return one.certificate.lower.tolist()


def status(sections: dict[str, Any]) -> object:
    desk = noisy(sections, steps=12)
    [one, *_] = desk.ask(12, ROWS, band=NARROW, horizon=1, facts=FINE)
    return one.certificate.status


def cold(sections: dict[str, Any]) -> object:
    [one] = Desk(**sections).ask(0, {"m": FLAT}, band=BAND, horizon=1)
    return one.values.round(9).tolist()


def with_prior(sections: dict[str, Any]) -> object:
    shares = np.full((1, N_BINS), 1 / N_BINS)
    zeros = np.zeros((1, N_FEATURES))
    prior = Prior(shares, zeros, np.zeros((1, N_FEATURES, N_FEATURES)))
    [one] = Desk(priors={"ewma": prior}, **sections).ask(0, {"m": FLAT}, band=BAND)
    return one.certificate.status


def late_outcome(sections: dict[str, Any]) -> object:
    desk = Desk(**sections)
    desk.ask(0, {"m": FLAT}, band=BAND, horizon=1)
    desk.ask(40, {"n": FLAT}, band=BAND, horizon=1)
    return desk.tell("m", {1: 0.4}).n_scored


def n_waiting(sections: dict[str, Any]) -> object:
    desk = Desk(**sections)
    desk.ask(0, dict.fromkeys("abc", FLAT), band=BAND, horizon=1)
    return len(desk.calibrator.pending)


def n_segments(sections: dict[str, Any]) -> object:
    desk = Desk(**sections)
    for name in "abc":
        desk.ask(0, {name: FLAT}, facts=MarketFacts(category=name), horizon=1)
    [learned] = desk.calibrator.state.learned.values()
    return len(set(learned.stream.names) & {_named(name) for name in "abc"})


def _named(category: str) -> str:
    return f"category={category},moving=<0.03,expiry=none,edge=>=0.12,age=<36"


def drifts(sections: dict[str, Any]) -> object:
    desk = noisy(sections, steps=75)
    [one, *_] = desk.ask(75, ROWS, band=NARROW, horizon=1, facts=FINE)
    return len(desk.telemetry.drifts), one.certificate.status


@dataclass(frozen=True)
class Case:
    """One setting, its other value, and what is played with each."""

    name: str
    value: float
    play: Play


CASES = [
    Case("calibration.enabled", 0, bands),
    Case("calibration.target_coverage", 0.8, target),
    Case("calibration.half_life_steps", 5.0, bands),
    Case("calibration.shrinkage", 5_000.0, bands),
    Case("calibration.caution", 0.5, bands),
    Case("calibration.level_rate", 0.1, bands),
    Case("calibration.learns_scale", 0, bands),
    Case("calibration.market_rate", 0.5, bands),
    Case("calibration.market_leak", 0.9, bands),
    Case("calibration.min_scores", 500, status),
    Case("calibration.cold_widening", 2.0, cold),
    Case("calibration.prior_scores", 0.0, with_prior),
    Case("calibration.min_segment_scores", 400, status),
    Case("calibration.max_outcome_delay_hours", 1.0, late_outcome),
    Case("calibration.max_pending_bytes", 3_000, n_waiting),
    Case("calibration.max_segments", 1, n_segments),
    Case("calibration.max_markets", 2, n_waiting),
    Case("drift.excess", 0.5, drifts),
    Case("drift.watch_half_life_steps", 2_000.0, drifts),
    Case("drift.recent_half_life_steps", 1.0, drifts),
    Case("drift.min_recent_scores", 1e6, drifts),
    Case("drift.cooldown_steps", 1_000_000, drifts),
]


@cache
def as_usual(play: Play) -> object:
    return play(settings_of())


def settings_of(**changed: dict[str, float]) -> dict[str, Any]:
    usual: dict[str, dict[str, float]] = {"calibration": EARLY, "drift": WATCHFUL}
    return {name: usual[name] | changed.get(name, {}) for name in usual}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_changing_a_setting_changes_what_the_calibration_does(case: Case) -> None:
    section, _, name = case.name.partition(".")

    usual = as_usual(case.play)
    changed = case.play(settings_of(**{section: {name: case.value}}))

    assert usual != changed


@pytest.mark.parametrize(("is_wanted", "n_bands"), [(True, 2), (False, 1)])
async def test_shadows_are_drawn_where_they_are_wanted(
    *, is_wanted: bool, n_bands: int
) -> None:
    settings = Settings.model_validate({"calibration": {"shadow": is_wanted}})
    ledger = FakeLedger()
    learning = calibrator(settings, ledger=ledger)

    await service(FakeRuntime(), settings=settings, calibrating=learning).forecast_many(
        [task()], deadline_s=2
    )

    assert [one.is_shadow for one in ledger.bands] == [False, True][:n_bands]


def test_every_setting_of_the_calibration_is_played_here() -> None:
    settings = Settings()
    names = {
        f"{section}.{name}"
        for section in ("calibration", "drift")
        for name in type(getattr(settings, section)).model_fields
    }

    assert {case.name for case in CASES} | {"calibration.shadow"} == names
    assert len(CASES) + 1 == len(names)
