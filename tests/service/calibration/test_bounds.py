"""No request spoils the calibration of others: room, clocks, repetition."""

import numpy as np
from tests.service.calibration.desk import SOON, STEP_S, Desk, moment, walks

from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.service.calibration import streams

FLAT = np.full(30, 0.4)
BAND = (0.3, 0.4, 0.5)


def only_stream(desk: Desk) -> streams.Stream:
    [learned] = desk.calibrator.state.learned.values()
    return learned.stream


def test_an_outcome_ahead_of_the_time_of_day_does_not_move_the_clock() -> None:
    desk = Desk(calibration=SOON)
    desk.ask(0, {"wrong": FLAT}, horizon=200, band=BAND)
    desk.tell("wrong", {200: 0.4})
    prices = walks(4, 60, seed=20261127)

    desk.replay(prices, range(30, 60), horizon=1)

    assert only_stream(desk).grid_time == int(moment(59) // STEP_S)
    assert desk.calibrator.version >= 28


def test_old_outcomes_between_new_ones_do_not_move_the_clock() -> None:
    prices = walks(4, 60, seed=20261128)
    desk, other = Desk(calibration=SOON), Desk(calibration=SOON)

    for step in range(30, 60):
        now = {name: row[: step + 1] for name, row in prices.items()}
        desk.ask(step, now, horizon=1)
        other.ask(step, now, horizon=1)
        desk.ask(step - 5_000, {"old": FLAT}, now=step, horizon=1, band=BAND)

    assert desk.calibrator.version == other.calibrator.version


def test_many_late_outcomes_are_learned_from_without_waiting() -> None:
    desk = Desk(calibration=SOON)
    desk.ask(0, {"m": FLAT}, horizon=1, band=BAND)
    desk.tell("m", {1: 0.4})
    for number in range(16):
        name = f"late-{number}"
        desk.ask(-2_000 + number, {name: FLAT}, now=1, horizon=288, band=BAND)
        desk.tell(name, {-2_000 + number + step: 0.4 for step in range(1, 289)})

    assert desk.calibrator.version >= 1


def test_long_bands_of_one_do_not_push_out_short_ones_of_others() -> None:
    desk = Desk(calibration={"max_pending_bytes": 400_000})
    desk.ask(0, {f"m{place}": FLAT for place in range(20)}, horizon=12, band=BAND)

    for place in range(30):
        desk.ask(0, {f"long{place}": FLAT}, horizon=288, band=BAND)

    waiting = [one.market_id for one in desk.calibrator.pending]
    assert sum(name.startswith("m") for name in waiting) == 20
    assert desk.calibrator.pending.n_bytes <= 400_000


def test_a_band_from_where_a_market_was_scored_before_a_restart_is_not_scored() -> None:
    desk = Desk(calibration=SOON)
    desk.ask(0, {"m": FLAT}, horizon=1, band=BAND)
    desk.tell("m", {1: 0.4})
    desk.snapshot()

    again = Desk(calibration=SOON, ledger=desk.ledger, now_s=moment(10_000))
    again.ask(0, {"m": FLAT}, now=10_000, horizon=1, band=BAND)
    told = again.tell("m", {1: 0.4})

    assert told.n_scored == 0


def test_a_market_with_waiting_bands_leaves_when_there_are_too_many_markets() -> None:
    desk = Desk(calibration={"max_markets": 2})

    desk.ask(0, dict.fromkeys("abc", FLAT), horizon=1, band=BAND)

    assert {one.market_id for one in desk.calibrator.pending} == {"b", "c"}
    assert desk.calibrator.pending.n_dropped == 1


def test_points_told_without_a_forecast_are_bounded_too() -> None:
    desk = Desk(calibration={"max_markets": 2})

    for name in "abc":
        desk.tell(name, {1: 0.4})

    pending = desk.calibrator.pending
    assert pending.last_point("a") is None
    assert pending.last_point("c") == (moment(1), 0.4)


def test_margins_of_many_levels_do_not_pile_up() -> None:
    desk = Desk(calibration=SOON)
    desk.replay(walks(6, 80, seed=20261129), range(30, 80), horizon=1)
    stream, cells = only_stream(desk), np.zeros(288, dtype=np.int64)
    rng = np.random.default_rng(20261130)

    for _ in range(60):
        tails = tuple(np.sort(rng.uniform(0.01, 0.49, 97)).tolist())
        stream.margins([0], cells, tails)
    first = stream.margins([0], cells, (0.1,))

    assert np.array_equal(first, stream.margins([0], cells, (0.1,)))


def test_history_that_is_replayed_brings_its_own_clock() -> None:
    desk = Desk(calibration=SOON)
    desk.replay(walks(4, 60, seed=20261127), range(30, 60), horizon=1)
    stream = only_stream(desk)
    before = stream.n_steps

    stream.rewind(now_s=moment(60))

    assert stream.n_steps == before + 1
    assert stream.grid_time < 0


def test_targets_are_told_by_segment_and_step() -> None:
    desk = Desk(calibration=SOON)
    desk.replay(walks(4, 60, seed=20261127), range(30, 60), horizon=2)

    records = list(desk.calibrator.state.targets((1, 2, 12)))

    everything = list(desk.calibrator.state.records())
    for step in (1, 2):
        n = sum(one.n for one in records if one.step == step)
        closed = sum(one.n_closed for one in records if one.step == step)
        same = [one for one in everything if one.step == step]
        assert n == sum(one.n for one in same) > 0
        assert closed == sum(one.target.n_closed for one in same)
    assert not [one for one in records if one.step == 12]


def test_a_model_without_prior_or_scores_has_no_stream_that_knows_anything() -> None:
    desk = Desk()

    stream = desk.calibrator.state.stream(StreamKey("new", "1", 300))
    stream.reach(1)

    assert not stream.has_scores(np.array([0]))
