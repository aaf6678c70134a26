"""Replays of made-up markets: no look-ahead, coverage, restarts, repetition."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TypeAlias

import numpy as np
import pytest
from tests.fakes import FakeClock, FakeLedger, FakeTelemetry
from tests.service.builders import QUICK, calibrator, prepared, service, task
from tests.service.calibration.desk import (
    SOON,
    START_S,
    Desk,
    Prices,
    cutoff_at,
    moment,
    published,
    up_to,
    walks,
)

from tsfm_runner.config import CalibrationConfig, Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import FloatArray

Way: TypeAlias = Callable[[Desk, int, Sequence[str]], None]

N_STEPS = 110
CHANGED_AFTER = 85


async def replayed(
    prices: Prices, steps: range, horizon: int, **calibration: float
) -> list[list[ServedForecast]]:
    """Ask a whole service at each step with all that is known by then."""
    settings = Settings(
        resilience=QUICK, calibration=CalibrationConfig.model_validate(calibration)
    )
    wall, telemetry = FakeClock(START_S), FakeTelemetry()
    learning = calibrator(settings, telemetry=telemetry, wall_clock=wall)
    house = service(settings=settings, telemetry=telemetry, calibrating=learning)
    answers = []
    for step in steps:
        wall.now_s = moment(step)
        tasks = [
            task(row, market_id=name, cutoff=cutoff_at(step), horizon=horizon)
            for name, row in up_to(prices, step).items()
        ]
        outcomes = await house.forecast_many(tasks, deadline_s=9)
        answers.append([one for one in outcomes if isinstance(one, ServedForecast)])
    return answers


@pytest.mark.parametrize("horizon", [1, 12])
async def test_no_price_after_a_moment_changes_what_went_out_until_then(
    horizon: int,
) -> None:
    prices = walks(8, N_STEPS, seed=20260401)
    rng = np.random.default_rng(20260402)
    others = {name: row.copy() for name, row in prices.items()}
    for row in others.values():
        row[CHANGED_AFTER + 1 :] = rng.random(N_STEPS - CHANGED_AFTER - 1).round(2)
    steps = range(30, N_STEPS)

    true = await replayed(prices, steps, horizon, **SOON)
    changed = await replayed(others, steps, horizon, **SOON)

    n_before = CHANGED_AFTER + 1 - steps.start
    assert published(true[:n_before]) == published(changed[:n_before])
    assert published(true[n_before:]) != published(changed[n_before:])
    statuses = {one.certificate.status for step in true for one in step}
    assert "calibrated" in statuses


def outcomes_of(
    prices: Prices, answers: list[list[ServedForecast]], steps: range, step: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return, at one step of the horizon, what came and both edges of two intervals."""
    y, band, target = [], [], []
    for origin, made in zip(steps, answers, strict=True):
        if origin + step >= N_LONG:
            break
        for one in made:
            y.append(prices[one.task.market_id][origin + step])
            band.append(one.values[step - 1, [0, -1]])
            target.append(
                [one.certificate.lower[step - 1], one.certificate.upper[step - 1]]
            )
    return np.array(y), np.array(band), np.array(target)


N_LONG = 440
WARM = 170


async def test_bands_cover_as_often_as_they_say() -> None:
    prices = walks(18, N_LONG, seed=20260403)
    steps = range(30, N_LONG)

    answers = await replayed(
        prices, steps, 12, min_scores=300, min_segment_scores=50, caution=1
    )

    for step in (1, 6, 12):
        y, *intervals = outcomes_of(prices, answers[WARM:], steps[WARM:], step)
        for edges, coverage in zip(intervals, (0.8, 0.9), strict=True):
            closed = (y >= edges[:, 0] - 1e-9) & (y <= edges[:, 1] + 1e-9)
            inside = (y > edges[:, 0] + 1e-9) & (y < edges[:, 1] - 1e-9)
            assert inside.mean() - 0.02 <= coverage <= closed.mean() + 0.02


@pytest.mark.parametrize("seed", range(4))
def test_a_process_that_stopped_goes_on_as_if_it_had_not(seed: int) -> None:
    rng = np.random.default_rng(20260410 + seed)
    prices = walks(6, 120, seed=20260404)
    stops = sorted(rng.choice(np.arange(31, 119), size=3, replace=False).tolist())
    whole, ledger = Desk(calibration=SOON), FakeLedger()

    expected = whole.replay(prices, range(30, 120), horizon=5)
    desk = Desk(calibration=SOON, ledger=ledger)
    for start, stop in zip([30, *stops], [*stops, 120], strict=True):
        snapshot_at = int(rng.integers(start, stop))
        if start > 30:
            desk = Desk(calibration=SOON, ledger=ledger, now_s=desk.clock.now_s)
        for step in range(start, stop):
            [made] = desk.replay(prices, range(step, step + 1), horizon=5)
            if step == snapshot_at and rng.random() < 0.7:
                desk.snapshot()

            assert published([made]) == published([expected[step - 30]])

    assert desk.counts == whole.counts
    assert_alike(desk, whole)
    assert [one.id for one in ledger.bands] == [one.id for one in whole.ledger.bands]
    assert [
        (one.id, one.market_id, one.ts_s, one.y, one.steps.tolist())
        for one in ledger.scores
    ] == [
        (one.id, one.market_id, one.ts_s, one.y, one.steps.tolist())
        for one in whole.ledger.scores
    ]


@pytest.fixture(scope="module")
def experienced() -> FakeLedger:
    """The ledger of a service that has learned for a while, and waits for more."""
    desk = Desk(calibration=SOON)
    desk.replay(PRICES, range(30, NOW + 1), horizon=4)
    desk.snapshot()
    return desk.ledger


PRICES = walks(5, 90, seed=20260405)
NAMES = list(PRICES)
NOW = 70
LATER = range(NOW + 1, NOW + 5)


def observe(desk: Desk, step: int, names: Sequence[str]) -> None:
    for name in names:
        desk.tell(name, {step: PRICES[name][step]})


def carry(desk: Desk, step: int, names: Sequence[str]) -> None:
    """Bring outcomes in the series of new requests."""
    rows = up_to(PRICES, step)
    desk.calibrator.learn_from(
        [prepared(rows[name], market_id=name, cutoff=cutoff_at(step)) for name in names]
    )


def observe_at_once(desk: Desk, step: int, names: Sequence[str]) -> None:
    """Tell all of a market only at the end."""
    for name in names if step == LATER[-1] else ():
        desk.tell(name, {each: PRICES[name][each] for each in LATER})


def carry_at_once(desk: Desk, step: int, names: Sequence[str]) -> None:
    if step == LATER[-1]:
        carry(desk, step, names)


def do_both(desk: Desk, step: int, names: Sequence[str]) -> None:
    carry(desk, step, names)
    observe(desk, step, names)


def do_both_turned_round(desk: Desk, step: int, names: Sequence[str]) -> None:
    observe(desk, step, names)
    carry(desk, step, names)


def repeat(desk: Desk, step: int, names: Sequence[str]) -> None:
    for _ in range(3):
        do_both(desk, step, names)
        observe(desk, step - 1, names)


def each_its_own_way(desk: Desk, step: int, names: Sequence[str]) -> None:
    carry(desk, step, names[::2])
    observe(desk, step, names[1::2])


WAYS = [carry, do_both, do_both_turned_round, repeat, each_its_own_way]
AT_ONCE = [observe_at_once, carry_at_once]


def taught(ledger: FakeLedger, way: Way, seed: int = 0) -> Desk:
    """Return what one who starts from the ledger has learned in some way."""
    own = FakeLedger()
    own.append(ledger.entries)
    desk = Desk(calibration=SOON, ledger=own, now_s=moment(NOW))
    rng = np.random.default_rng(20260407 + seed)
    for step in LATER:
        desk.clock.now_s = moment(step)
        way(desk, step, rng.permutation(NAMES).tolist() if seed else NAMES)
    return desk


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("way", [*WAYS, *AT_ONCE])
def test_the_same_outcomes_teach_the_same_whichever_way_they_come(
    experienced: FakeLedger, way: Way, seed: int
) -> None:
    expected = taught(experienced, observe)

    desk = taught(experienced, way, seed)

    # From each of the four origins, the steps that were open at the start.
    assert expected.n_scored == len(NAMES) * (4 + 3 + 2 + 1)
    assert desk.n_scored == expected.n_scored
    assert desk.counts == expected.counts
    if way not in AT_ONCE:
        assert_alike(desk, expected)


def test_what_was_learned_does_not_depend_on_the_order_within_a_step(
    experienced: FakeLedger,
) -> None:
    desks = [taught(experienced, observe, seed) for seed in range(4)]

    for desk in desks:
        assert_alike(desk, desks[0])


def test_every_pair_of_band_and_step_is_scored_once(experienced: FakeLedger) -> None:
    desk = taught(experienced, repeat)

    pairs = [
        (number, step)
        for one in desk.ledger.scores
        for number, step in zip(
            one.forecast_ids.tolist(), one.steps.tolist(), strict=True
        )
    ]
    assert len(pairs) == len(set(pairs))
    bands = {one.id: one for one in desk.ledger.bands}
    for one in desk.ledger.scores:
        for number, step in zip(
            one.forecast_ids.tolist(), one.steps.tolist(), strict=True
        ):
            assert bands[number].market_id == one.market_id
            assert one.ts_s == bands[number].cutoff_s + step * 300
            place = round((one.ts_s - START_S) / 300)
            assert one.y == PRICES[one.market_id][place]


def assert_alike(one: Desk, other: Desk) -> None:
    """Check that two have learned the same, to the last bit but rounding of sums."""
    for key, learned in one.calibrator.state.learned.items():
        theirs = other.calibrator.state.learned[key]
        ours, its = learned.stream, theirs.stream
        assert ours.names == its.names
        assert (ours.n_steps, ours.grid_time) == (its.n_steps, its.grid_time)
        n = len(ours.names)
        for field in fields(ours.segment):
            mine, its_own = (getattr(each.segment, field.name) for each in (ours, its))
            assert mine[:n] == pytest.approx(its_own[:n], abs=1e-6), field.name
        for field in fields(ours.cell):
            mine, its_own = (getattr(each.cell, field.name) for each in (ours, its))
            assert mine == pytest.approx(its_own, rel=1e-9, abs=1e-9), field.name
        names = sorted(learned.scales.rows)
        assert names == sorted(theirs.scales.rows)
        assert learned.scales.of(names, 12) == pytest.approx(
            theirs.scales.of(names, 12)
        )
