"""A start from what the ledger holds: numbers, what waits, snapshots."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from tests.fakes import FakeLedger
from tests.service.calibration.desk import SOON, Desk, moment

from tsfm_runner.domain.ledger import LedgerContents
from tsfm_runner.service.calibration.persisting import to_bytes
from tsfm_runner.service.calibration.snapshots import keep_snapshots

FLAT = np.full(30, 0.4)
BAND = (0.3, 0.4, 0.5)


def restarted(desk: Desk, *, step: float) -> Desk:
    return Desk(calibration=SOON, ledger=desk.ledger, now_s=moment(step))


def asked(horizon: int = 3) -> Desk:
    desk = Desk(calibration=SOON)
    desk.ask(0, {"m": FLAT}, horizon=horizon, band=BAND)
    return desk


def test_numbers_go_on_from_where_they_stood() -> None:
    desk = asked()
    desk.tell("m", {1: 0.41})

    again = restarted(desk, step=1)
    again.ask(1, {"m": FLAT}, band=BAND)
    again.tell("m", {2: 0.41})

    assert [one.id for one in desk.ledger.bands] == [1, 2]
    assert [one.id for one in desk.ledger.scores] == [1, 2]


@pytest.mark.parametrize("takes_snapshot", [True, False])
def test_steps_that_were_scored_before_are_not_scored_again(
    *, takes_snapshot: bool
) -> None:
    desk = asked()
    desk.tell("m", {1: 0.41})
    if takes_snapshot:
        desk.snapshot()

    again = restarted(desk, step=1)
    told = again.tell("m", {1: 0.41, 2: 0.41})

    assert told.n_scored == 1
    assert [(step, n) for _, _, _, step, n, *_ in again.counts] == [(1, 1), (2, 1)]


def test_a_band_that_was_scored_to_its_end_waits_no_longer() -> None:
    desk = asked(horizon=1)
    desk.tell("m", {1: 0.41})

    again = restarted(desk, step=1)
    again.ask(0, {"m": FLAT}, now=1, horizon=1, band=BAND)

    assert len(again.calibrator.pending) == 0  # and none from that cutoff is scored
    assert again.ledger.bands[-1].scoring.size == 0


def test_a_band_that_is_never_scored_does_not_wait() -> None:
    desk = asked()
    desk.ask(0, {"m": FLAT}, band=BAND)

    again = restarted(desk, step=0)

    assert [one.id for one in again.calibrator.pending] == [1]


def test_what_has_waited_too_long_is_not_waited_for() -> None:
    desk = asked()

    again = restarted(desk, step=3 + 12 * 72 + 1)

    assert len(again.calibrator.pending) == 0


def test_scores_of_bands_that_are_gone_are_passed_over() -> None:
    desk = asked()
    desk.tell("m", {1: 0.41})
    desk.ledger.entries = [
        one for one in desk.ledger.entries if one not in desk.ledger.bands
    ]

    again = restarted(desk, step=1)

    assert again.counts == []
    assert again.calibrator.numbers.score == 2


def test_a_band_without_an_event_is_one_of_its_market() -> None:
    desk = asked()
    desk.ledger.entries = [replace(one, event_id=None) for one in desk.ledger.bands]

    [waiting] = restarted(desk, step=0).calibrator.pending

    assert waiting.event == "m"


def test_steps_of_bands_that_are_gone_are_passed_over() -> None:
    class Forgetful(FakeLedger):
        def read(self, *, awaited_after_s: float) -> LedgerContents:
            found = super().read(awaited_after_s=awaited_after_s)
            return replace(found, ended=frozenset({(99, 1)}))

    ledger = Forgetful()
    ledger.append(asked().ledger.entries)

    again = Desk(calibration=SOON, ledger=ledger)

    assert again.tell("m", {1: 0.41}).n_scored == 1


def test_a_snapshot_tells_counts_by_segment_and_step() -> None:
    desk = asked()
    desk.tell("m", {1: 0.41, 2: 0.9})

    desk.snapshot()

    [state] = desk.ledger.states
    assert (state.applied_score_id, state.updated_at_s) == (2, moment(0))
    newest = desk.calibrator.pending.newest_cutoffs()
    assert state.blob == to_bytes(desk.calibrator.state, newest)
    assert [
        (one.model_name, one.model_version, one.step_s, one.step, one.n, one.n_closed)
        for one in state.segments
    ] == [("ewma", "main", 300, 1, 1, 1), ("ewma", "main", 300, 2, 1, 0)]
    assert [one.n_open for one in state.segments] == [1, 0]
    assert not any(one.is_shadow for one in state.segments)
    widths = [one.mean_width for one in state.segments]
    assert widths == pytest.approx(np.ptp(desk.ledger.bands[0].target[:2], axis=1))
    scores = [one.mean_interval_score for one in state.segments]
    assert scores[0] == pytest.approx(widths[0])
    assert scores[1] > widths[1]


async def test_snapshots_are_taken_when_something_was_scored_since() -> None:
    desk = asked()
    keeping = asyncio.create_task(
        keep_snapshots(desk.calibrator, desk.clock, interval_s=0)
    )

    counts = []
    for step in (1, 2):
        desk.tell("m", {step: 0.41})
        for _ in range(10):
            await asyncio.sleep(0)
        counts.append(len(desk.ledger.states))
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping

    assert counts == [1, 2]
    assert [one.applied_score_id for one in desk.ledger.states] == [1, 2]
