"""Bands wait for their outcomes: each once, in time, and within a bound of memory."""

from typing import Any

import numpy as np
import pytest
from tests.service.builders import prepared
from tests.service.calibration.desk import STEP_S, Desk, cutoff_at, moment

from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import MarketFacts

FLAT = np.full(30, 0.4)
BAND = (0.3, 0.4, 0.5)


def carried(desk: Desk, row: list[float], step: float, name: str = "m") -> None:
    """Bring a series in a request that ends at a step."""
    ready = prepared(row, market_id=name, cutoff=cutoff_at(step))
    desk.calibrator.learn_from([ready])


def ended(desk: Desk) -> list[tuple[int, int]]:
    """Return each pair of band and step that was scored, in order."""
    return [
        pair
        for one in desk.ledger.scores
        for pair in zip(one.forecast_ids.tolist(), one.steps.tolist(), strict=True)
    ]


def asked(
    *markets: str,
    horizon: int = 3,
    **sections: Any,  # noqa: ANN401 - sections are any
) -> Desk:
    desk = Desk(**sections)
    desk.ask(0, dict.fromkeys(markets or "m", FLAT), horizon=horizon, band=BAND)
    return desk


def test_a_band_waits_until_each_of_its_steps_has_ended() -> None:
    desk = asked()

    told = [desk.tell("m", {step: 0.4}) for step in (1, 2, 3)]

    assert [one.n_scored for one in told] == [1, 1, 1]
    assert ended(desk) == [(1, 1), (1, 2), (1, 3)]
    assert len(desk.calibrator.pending) == 0
    assert desk.calibrator.pending.n_bytes == 0
    assert desk.calibrator.pending.n_dropped == 0


def test_what_was_told_before_teaches_nothing_again() -> None:
    desk = asked()

    told = [
        desk.tell("m", {1: 0.4}),
        desk.tell("m", {1: 0.4}),
        desk.tell("m", {1: 0.9}),
    ]
    carried(desk, [0.4, 0.4], 1)

    assert [one.n_scored for one in told] == [1, 0, 0]
    assert ended(desk) == [(1, 1)]
    assert [one.y for one in desk.ledger.scores] == [0.4]


def test_what_was_told_of_no_band_is_written_down_all_the_same() -> None:
    desk = Desk()

    told = desk.tell("nobody", {1: 0.4, 2: 0.5})

    assert (told.n_points, told.n_scored) == (2, 0)
    assert [(one.y, one.source) for one in desk.ledger.outcomes] == [
        (0.4, "observation"),
        (0.5, "observation"),
    ]
    assert desk.ledger.scores == []
    assert desk.telemetry.scored == []


def test_of_a_request_only_what_ends_a_step_is_written_down() -> None:
    desk = asked()

    carried(desk, [0.35, 0.4, 0.41, 0.42], 2)
    carried(desk, [0.42, 0.42, 0.43], 2)

    assert [(one.ts_s, one.y, one.source) for one in desk.ledger.outcomes] == [
        (moment(1), 0.41, "request"),
        (moment(2), 0.42, "request"),
    ]


def test_a_series_that_ends_before_a_step_is_due_tells_nothing() -> None:
    desk = asked()

    carried(desk, [0.4, 0.5], 0.5)

    assert desk.ledger.outcomes == []
    assert ended(desk) == []


def test_a_series_without_a_known_price_since_then_tells_nothing() -> None:
    desk = asked()

    carried(desk, [0.4, 0.4, *[np.nan] * 3], 3)
    carried(desk, [0.4, 0.4, *[np.nan] * 5], 4)

    assert ended(desk) == []
    assert len(desk.calibrator.pending) == 1


def test_a_step_without_a_price_of_its_time_is_never_scored() -> None:
    desk = asked()

    desk.tell("m", {3: 0.4})

    assert ended(desk) == [(1, 3)]
    assert len(desk.calibrator.pending) == 1


@pytest.mark.parametrize(
    ("seconds", "n_scored"), [(-30, 1), (30, 1), (-31, 0), (31, 0)]
)
def test_an_outcome_may_come_half_a_minute_off_its_time(
    seconds: float, n_scored: int
) -> None:
    desk = asked(horizon=1)

    told = desk.tell("m", {1 + seconds / STEP_S: 0.4})

    assert told.n_scored == n_scored


def test_a_price_before_its_time_counts_once_a_later_one_comes() -> None:
    desk = asked(horizon=1)

    before = desk.tell("m", {0.5: 0.41})
    after = desk.tell("m", {1.5: 0.45})

    assert (before.n_scored, after.n_scored) == (0, 1)
    assert [(one.ts_s, one.y) for one in desk.ledger.scores] == [(moment(0.5), 0.41)]


def test_the_last_price_that_was_told_is_not_put_before_itself() -> None:
    desk = asked(horizon=1)
    desk.tell("m", {0.5: 0.41})

    told = desk.tell("m", {0.5: 0.42, 1.5: 0.45})

    assert told.n_scored == 1
    assert [one.y for one in desk.ledger.scores] == [0.42]


def test_points_that_come_out_of_order_keep_the_newest_as_the_last() -> None:
    desk = asked(horizon=1)
    desk.tell("m", {0.5: 0.41})
    desk.tell("m", {0.3: 0.39})

    desk.tell("m", {1.5: 0.45})

    assert [one.y for one in desk.ledger.scores] == [0.41]


def test_bands_of_one_market_wait_beside_each_other() -> None:
    desk = asked(horizon=2)
    desk.ask(1, {"m": FLAT}, horizon=2, band=BAND)

    desk.tell("m", {2: 0.4})
    desk.tell("m", {3: 0.4})

    # The request at step 1 carried the outcome of the first step.
    assert ended(desk) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_bands_of_other_frequencies_end_at_their_own_times() -> None:
    desk = Desk()
    hour = Frequency.parse("1h")
    desk.ask(0, {"m": FLAT}, horizon=1, band=BAND, freq=hour)
    desk.ask(0, {"m": FLAT}, horizon=1, band=BAND)

    desk.tell("m", {1: 0.4})
    first = ended(desk)
    desk.tell("m", {12: 0.5})

    assert first == [(2, 1)]
    assert ended(desk) == [(2, 1), (1, 1)]
    assert {one.stream.step_s for one in desk.calibrator.state.records()} == {300, 3600}


def test_only_a_band_from_a_later_cutoff_is_scored() -> None:
    desk = asked(horizon=1)

    desk.ask(0, {"m": FLAT}, horizon=1, band=BAND)
    desk.ask(-1, {"m": FLAT}, horizon=1, band=BAND)
    desk.ask(1, {"m": FLAT}, horizon=1, band=BAND)
    desk.tell("m", {2: 0.4})

    assert ended(desk) == [(1, 1), (4, 1)]
    assert [one.scoring.size > 0 for one in desk.ledger.bands] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(("minutes", "n_waiting"), [(9.9, 1), (10.1, 0)])
def test_a_band_from_more_than_ten_minutes_ahead_is_never_scored(
    minutes: float, n_waiting: int
) -> None:
    desk = Desk()

    desk.ask(minutes / 5, {"m": FLAT}, now=0, horizon=1, band=BAND)

    assert len(desk.calibrator.pending) == n_waiting
    assert [one.scoring.size > 0 for one in desk.ledger.bands] == [n_waiting == 1]


def test_a_band_of_years_ago_waits_from_when_it_was_served() -> None:
    desk = Desk()

    desk.ask(-100_000, {"m": FLAT}, now=0, horizon=2, band=BAND)
    told = desk.tell("m", {-99_999: 0.4})

    assert told.n_scored == 1


def test_what_waits_in_vain_is_dropped_after_the_longest_delay() -> None:
    desk = asked(horizon=2, calibration={"max_outcome_delay_hours": 1.0})

    desk.ask(14, {"n": FLAT}, horizon=2, band=BAND)
    until = desk.calibrator.pending.n_dropped
    desk.ask(14.3, {"o": FLAT}, horizon=2, band=BAND)
    late = desk.tell("m", {1: 0.4})

    assert until == 0  # two steps and twelve of delay
    assert desk.calibrator.pending.n_dropped == 1
    assert [one.market_id for one in desk.calibrator.pending] == ["n", "o"]
    assert late.n_scored == 0


def test_the_oldest_bands_leave_where_memory_is_short() -> None:
    one_band = asked().calibrator.pending.n_bytes
    desk = Desk(calibration={"max_pending_bytes": int(2.5 * one_band)})

    for step, name in enumerate("abcd"):
        desk.ask(step, {name: FLAT}, band=BAND)

    pending = desk.calibrator.pending
    assert [one.market_id for one in pending] == ["c", "d"]
    assert pending.n_dropped == 2
    assert pending.n_bytes == 2 * one_band


def test_a_market_keeps_its_other_bands_when_one_leaves() -> None:
    one_band = asked().calibrator.pending.n_bytes
    desk = Desk(calibration={"max_pending_bytes": int(2.5 * one_band)})
    for step in range(3):
        desk.ask(step, {"m": np.r_[FLAT[: 29 - step], [np.nan] * step, 0.4]}, band=BAND)

    told = desk.tell("m", {3: 0.4})

    assert desk.calibrator.pending.n_dropped == 1
    assert told.n_scored == 2
    assert ended(desk)[-2:] == [(2, 2), (3, 1)]


def test_markets_that_were_not_seen_for_longest_leave_where_there_are_too_many() -> (
    None
):
    desk = asked("a", "b", calibration={"max_markets": 2})

    desk.ask(1, {"a": FLAT}, band=BAND)
    desk.ask(2, {"c": FLAT}, band=BAND)

    assert {one.market_id for one in desk.calibrator.pending} == {"a", "c"}
    assert desk.calibrator.pending.n_dropped == 1
    assert desk.calibrator.pending.book("b") is None
    assert desk.tell("b", {1: 0.4}).n_scored == 0


def test_a_close_that_has_passed_ends_no_scoring() -> None:
    facts = MarketFacts(closes_at=cutoff_at(1))
    desk = Desk()
    desk.ask(0, {"m": FLAT}, band=BAND, facts=facts)

    told = desk.tell("m", {1: 0.4, 2: 0.4, 3: 1.0})

    assert told.n_scored == 3


def test_nothing_waits_where_calibration_is_off() -> None:
    desk = asked(calibration={"enabled": False})

    told = desk.tell("m", {1: 0.4})

    assert len(desk.calibrator.pending) == 0
    assert told.n_scored == 0
    assert desk.ledger.bands[0].scoring.size == 0
    assert desk.ledger.bands[0].status == "disabled"
