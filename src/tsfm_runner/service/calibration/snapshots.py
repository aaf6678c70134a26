"""Write the calibration state down from time to time."""

import asyncio

from tsfm_runner.domain.ledger import SegmentRow, StateEntry
from tsfm_runner.ports import Clock
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.persisting import to_bytes


def snapshot(calibrator: Calibrator, wall_clock: Clock) -> StateEntry:
    """Return the state as it is now: after every score that has been numbered."""
    segments = tuple(
        SegmentRow(
            *record.stream,
            record.is_shadow,
            record.segment,
            record.step,
            record.n,
            n_closed=record.target.n_closed,
            n_open=record.target.n_open,
            mean_width=record.target.mean_width,
            mean_interval_score=record.target.mean_interval_score,
        )
        for record in calibrator.state.records()
    )
    applied = calibrator.numbers.score - 1
    blob = to_bytes(calibrator.state, calibrator.pending.newest_cutoffs())
    return StateEntry(applied, wall_clock(), blob, segments)


async def keep_snapshots(
    calibrator: Calibrator, wall_clock: Clock, *, interval_s: float
) -> None:
    """Take a snapshot every so often, if anything was scored since; until cancelled."""
    applied = 0
    while True:
        await asyncio.sleep(interval_s)
        if calibrator.numbers.score != applied:
            applied = calibrator.numbers.score
            calibrator.ledger.append([snapshot(calibrator, wall_clock)])
