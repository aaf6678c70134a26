"""What outcomes teach: one fold a grid time, late ones, growth, drift, bounds."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.fakes import FakeLedger
from tests.service.builders import NO_PRIORS
from tests.service.calibration.desk import (
    SOON,
    STEP_S,
    Desk,
    cutoff_at,
    moment,
    up_to,
    walks,
)

from tsfm_runner.config import CalibrationConfig, DriftConfig
from tsfm_runner.core.conformal.cells import cell_of
from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.calibration.streams import Stream

KEY = StreamKey("ewma", "main", STEP_S)
FLAT = np.full(30, 0.4)
BAND = (0.3, 0.4, 0.5)
NARROW = (0.37, 0.4, 0.43)
ONE_STEP = np.array([0])


def learned(desk: Desk) -> Learned:
    [one] = desk.calibrator.state.learned.values()
    return one


def stream(desk: Desk) -> Stream:
    return learned(desk).stream


def waiting(
    n_steps: int,
    *markets: str,
    horizon: int = 1,
    **sections: Any,  # noqa: ANN401 - sections are any
) -> Desk:
    """Return a desk that asked for flat bands of each market at each step."""
    desk = Desk(**sections)
    for step in range(n_steps):
        rows = {name: np.r_[FLAT, [np.nan] * step] for name in markets or "m"}
        desk.ask(step, rows, horizon=horizon, band=BAND)
    return desk


def test_outcomes_of_one_grid_time_are_learned_from_when_another_comes() -> None:
    desk = waiting(3, "a", "b")

    versions = []
    for step in (1, 2, 3):
        for name in "ab":
            desk.tell(name, {step: 0.41})
            versions.append(desk.calibrator.version)

    assert versions == [0, 0, 1, 1, 2, 2]
    assert stream(desk).updated_at_s == moment(2)


def test_a_step_decays_once_however_many_outcomes_it_has() -> None:
    one, many = (
        waiting(3, *names, calibration={"half_life_steps": 1.0})
        for names in ("a", "abcdef")
    )
    for desk in (one, many):
        for step in (1, 2, 3):
            for name in sorted({wait.market_id for wait in desk.calibrator.pending}):
                desk.tell(name, {step: 0.41})

    totals = [stream(desk).overall(ONE_STEP).sum() for desk in (one, many)]

    # The first of two steps has lost half.
    assert totals == pytest.approx([1.5, 9.0])


def test_a_late_outcome_is_learned_from_with_those_at_hand() -> None:
    desk = waiting(4, "a", "b")
    desk.tell("a", {1: 0.41, 2: 0.41, 3: 0.41})

    late = desk.tell("b", {1: 0.41})
    desk.tell("a", {4: 0.41})

    assert late.n_scored == 1
    assert desk.calibrator.version == 3
    assert stream(desk).overall(ONE_STEP).sum() == pytest.approx(4, abs=0.01)
    assert stream(desk).grid_time == int(moment(4) // STEP_S)


def test_after_a_time_far_ahead_by_mistake_learning_goes_on() -> None:
    desk = Desk(calibration=SOON)
    desk.ask(280, {"wrong": FLAT}, now=0, horizon=1, band=BAND)
    desk.ask(280_000, {"wronger": FLAT}, horizon=1, band=BAND)
    desk.tell("wronger", {280_001: 0.4})
    prices = walks(6, 60, seed=20260501)

    desk.replay(prices, range(30, 60), horizon=1)

    assert desk.calibrator.version == 29
    assert stream(desk).grid_time == int(moment(59) // STEP_S)


def test_arrays_grow_with_segments_and_cells() -> None:
    desk = Desk()
    for step, horizon in enumerate((1, 12, 5, 40)):
        facts = [MarketFacts(category=f"kind {step}-{each}") for each in range(9)]
        for place, one in enumerate(facts):
            name = f"m{step}-{place}"
            desk.ask(step, {name: FLAT}, horizon=horizon, band=BAND, facts=one)
            desk.tell(name, dict.fromkeys(range(step + 1, step + horizon + 1), 0.41))

    records = list(desk.calibrator.state.records())

    assert len(stream(desk).names) == 36
    assert len({one.segment for one in records}) == 36
    assert sum(one.n for one in records) == 9 * (1 + 12 + 5 + 40)
    by_step = dict.fromkeys(range(1, 13), 0) | {16: 0, 20: 0, 24: 0, 32: 0, 40: 0}
    for record in records:
        by_step[record.step] += record.n
    assert by_step[1] == 36
    assert by_step[5] == 27
    assert by_step[12] == 18
    assert by_step[16] == 36  # steps 13 to 16 of nine markets
    assert by_step[40] == 72


def test_markets_of_further_categories_share_a_segment() -> None:
    desk = Desk(calibration={"max_segments": 2})

    segments = [
        desk.ask(0, {name: FLAT}, facts=MarketFacts(category=name))[0]
        .certificate.segment.partition(",")[0]
        .removeprefix("category=")
        for name in ("politics", "sports", "weather", "crypto", "sports")
    ]

    assert segments == ["politics", "sports", "other", "other", "sports"]
    assert len(stream(desk).names) == 3


def test_a_market_without_a_category_is_told_so() -> None:
    [one] = Desk().ask(0, {"m": FLAT})

    assert one.certificate.segment == (
        "category=none,moving=<0.03,expiry=none,edge=>=0.12,age=<36"
    )


def test_a_market_is_described_by_what_is_known_of_it() -> None:
    row = np.r_[np.full(20, 0.05), np.where(np.arange(40) % 2, 0.06, 0.05)]
    facts = MarketFacts(category="w", closes_at=cutoff_at(20))

    [one] = Desk().ask(0, {"m": row}, facts=facts)

    assert one.certificate.segment == (
        "category=w,moving=>=0.6,expiry=18-24,edge=0.03-0.12,age=>=36"
    )


def test_every_revision_learns_alone() -> None:
    state = CalibrationState(CalibrationConfig(), DriftConfig(), NO_PRIORS)
    one, other = (state.stream(KEY._replace(model_version=name)) for name in "ab")

    assert one is not other
    assert state.stream(KEY._replace(model_version="a")) is one
    assert state.version == 0


# Drift.

WATCHED = {
    "excess": 0.06,
    "min_recent_scores": 100.0,
    "watch_half_life_steps": 30.0,
    "recent_half_life_steps": 60.0,
    "cooldown_steps": 100,
}
N_MARKETS = 16


N_CALM = 120
SEGMENTS_ONLY = SOON | {"market_rate": 0.0}  # markets would follow by themselves
ROWS = {f"m{place}": np.r_[FLAT, 0.41, 0.4] for place in range(N_MARKETS)}
FINE = MarketFacts(tick_size=1e-4)


def go_on(desk: Desk, steps: range, factor: float) -> None:
    """Ask and tell at each step; outcomes stray from the median by the factor."""
    for step in steps:
        rng = np.random.default_rng([20260502, step])
        noise = factor * 0.02 * rng.normal(size=N_MARKETS)
        told = np.clip(0.4 + noise, 0, 1).tolist()
        desk.ask(step, ROWS, band=NARROW, horizon=1, facts=FINE)
        desk.tell_all(step + 1, dict(zip(ROWS, told, strict=True)))


@cache
def calm() -> FakeLedger:
    """Return the ledger of markets whose noise has always been the same."""
    desk = Desk(calibration=SEGMENTS_ONLY, drift=WATCHED)
    go_on(desk, range(N_CALM), 1)
    desk.snapshot()
    return desk.ledger


def watched(n_steps: int, factor: float, **drift: float) -> Desk:
    """Return a desk after so many more steps in which outcomes stray otherwise."""
    ledger = FakeLedger()
    ledger.append(calm().entries)
    desk = Desk(
        calibration=SEGMENTS_ONLY,
        drift=WATCHED | drift,
        ledger=ledger,
        now_s=moment(N_CALM),
    )
    go_on(desk, range(N_CALM, N_CALM + n_steps), factor)
    return desk


def width(desk: Desk, step: int) -> float:
    rows = {"new": np.r_[FLAT, 0.41, 0.4]}
    [one] = desk.ask(step, rows, band=NARROW, horizon=1, facts=FINE)
    return float(np.ptp(one.values))


def test_what_goes_on_as_before_is_no_drift() -> None:
    desk = watched(120, 1)

    assert desk.telemetry.drifts == []


@pytest.mark.parametrize(("factor", "is_missed"), [(2, True), (0.5, False)])
def test_noise_that_doubles_or_halves_is_drift(
    factor: float, *, is_missed: bool
) -> None:
    desk = watched(70, factor)

    [drift] = desk.telemetry.drifts
    assert drift.stream.model_name == "ewma"
    assert drift.segment in stream(desk).names
    assert drift.step == 1
    assert (drift.miss_rate > 0.26) is is_missed
    assert (drift.inside_rate > 0.86) is not is_missed


def test_a_segment_that_has_drifted_says_so_until_it_has_cooled_down() -> None:
    def status(desk: Desk, step: int) -> tuple[str, str]:
        [one] = desk.ask(
            step, {"new": np.r_[FLAT, 0.41, 0.4]}, band=NARROW, horizon=1, facts=FINE
        )
        return one.certificate.status, one.certificate.band

    desk = watched(50, 2.5)
    soon = status(desk, 170)
    go_on(desk, range(170, 260), 2.5)

    assert len(desk.telemetry.drifts) == 1
    assert soon == ("drifting", "conformal")
    assert status(desk, 260) == ("calibrated", "conformal")


def test_a_segment_cannot_drift_again_before_it_has_cooled_down() -> None:
    desk = watched(40, 2.5)
    go_on(desk, range(160, 215), 8)
    before = len(desk.telemetry.drifts)
    go_on(desk, range(215, 260), 8)

    assert before == 1
    assert len(desk.telemetry.drifts) == 2


def test_after_a_drift_bands_fit_what_happens_now() -> None:
    desk, deaf = watched(70, 2.5), watched(70, 2.5, min_recent_scores=1e6)

    assert len(desk.telemetry.drifts) == 1
    assert deaf.telemetry.drifts == []  # too few recent scores to replace the others
    assert width(desk, 190) > 1.05 * width(deaf, 190)
    assert width(desk, 190) > 1.5 * width(watched(0, 1), 190)


def test_nothing_collected_teaches_nothing() -> None:
    desk = Desk()
    desk.ask(0, {"m": FLAT})

    assert stream(desk).learn(now_s=1.0) == []
    assert (desk.calibrator.version, stream(desk).updated_at_s) == (0, None)


def test_a_market_that_misses_more_than_its_segment_gets_wider_bands() -> None:
    desk = Desk(calibration=SOON)
    rng = np.random.default_rng(20260504)
    rows = {f"m{place}": np.r_[FLAT, 0.41, 0.4] for place in range(20)}
    sizes = np.r_[0.06, np.full(19, 0.02)]
    answers = []
    for step in range(120):
        answers = desk.ask(step, rows, band=NARROW, horizon=1)
        told = np.clip(0.4 + sizes * rng.normal(size=20), 0, 1).tolist()
        desk.tell_all(step + 1, dict(zip(rows, told, strict=True)))

    widths = [float(np.ptp(one.values)) for one in answers]

    assert widths[0] > 1.3 * float(np.median(widths[1:]))


def test_breaches_of_bands_that_were_served_are_told() -> None:
    desk = Desk(calibration=SOON)
    rows = {"m": FLAT}
    desk.ask(0, rows, band=BAND, horizon=4)  # widened to 0.275 to 0.525; 0.9 is wider
    [band] = desk.ledger.bands
    edges = band.published[0, [0, -1]], band.target[0]
    assert edges[1][0] < edges[0][0] - 0.002

    desk.tell(
        "m", {1: 0.4, 2: float(edges[0][0]) - 0.001, 3: float(edges[1][0]) - 0.01}
    )
    desk.tell("m", {4: float(edges[1][1])})

    told = [(n, one.n_moderate, one.n_severe) for n, one in desk.telemetry.scored]
    assert told == [(3, 1, 1), (1, 1, 0)]


def test_a_process_without_outcomes_has_learned_nothing() -> None:
    desk = Desk()

    desk.replay(walks(2, 31, seed=1), range(30, 31), horizon=2)

    assert list(desk.calibrator.state.records()) == []
    assert desk.calibrator.version == 0


def test_cells_of_far_steps_are_shared() -> None:
    desk = Desk()
    desk.ask(0, {"m": FLAT}, horizon=20, band=BAND)

    desk.tell("m", dict.fromkeys(range(1, 21), 0.41))

    records = {one.step: one.n for one in desk.calibrator.state.records()}
    assert records == dict.fromkeys(range(1, 13), 1) | {16: 4, 20: 4}
    assert cell_of(np.array([16, 20])).tolist() == [12, 13]
    assert up_to({"m": FLAT}, 0)["m"].tolist() == [0.4]
