"""Write the calibration state down from time to time."""

import asyncio
from collections.abc import Callable

from tsfm_runner.domain.ledger import SegmentRow, StateEntry
from tsfm_runner.ports import Clock, Ledger
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
    return StateEntry(applied, wall_clock(), to_bytes(calibrator.state), segments)


async def keep_snapshots(
    take: Callable[[], StateEntry], ledger: Ledger, *, interval_s: float
) -> None:
    """Take a snapshot every so often, if anything was scored since; until cancelled."""
    applied = None
    while True:
        await asyncio.sleep(interval_s)
        taken = take()
        if taken.applied_score_id != applied:
            ledger.append([taken])
            applied = taken.applied_score_id
