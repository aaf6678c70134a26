"""Signals go when they are old, told to everybody, and of breaches that are over."""

from pathlib import Path

import pytest
from tests.adapters.ledger.entries import SetClock, forecast, open_at, state
from tests.service.signals_told import START_S, STEP_S, breach_signal, closed

from tsfm_runner.adapters.ledger.integrity import check_ledger
from tsfm_runner.domain.ledger import LedgerEntry
from tsfm_runner.domain.signals import DeliveryEntry

MAX_AGE_S = 30 * 86_400.0
OLD_S = START_S + MAX_AGE_S + 10 * STEP_S
MUCH_TOO_OLD_S = START_S + 2 * MAX_AGE_S + 10 * STEP_S
OVER = [breach_signal(1), closed(breach_signal(1), 2)]
OPEN = breach_signal(3)
YOUNG = breach_signal(20)


def told(endpoint: str, last_id: int) -> DeliveryEntry:
    return DeliveryEntry(endpoint, last_id, START_S)


@pytest.mark.parametrize(
    ("deliveries", "now_s", "kept"),
    [
        ([], OLD_S, [3, 20]),
        ([told("pager", 20)], OLD_S, [3, 20]),
        ([told("pager", 20), told("desk", 1)], OLD_S, [2, 3, 20]),
        ([told("pager", 0)], OLD_S, [1, 2, 3, 20]),
        ([told("pager", 0)], MUCH_TOO_OLD_S, [20]),
        ([], START_S + 30 * STEP_S, [1, 2, 3, 20]),
    ],
    ids=[
        "nobody is told",
        "all are told",
        "one is behind",
        "one was told nothing",
        "behind for too long",
        "all are young",
    ],
)
async def test_a_signal_goes_when_nothing_needs_it(
    tmp_path: Path, deliveries: list[LedgerEntry], now_s: float, kept: list[int]
) -> None:
    path, clock = tmp_path / "ledger.db", SetClock()
    with open_at(path, clock=clock, retention_interval_s=1) as ledger:
        ledger.append([*OVER, OPEN, YOUNG, *deliveries])
        await ledger.commit()
        clock.now_s = now_s
        for _ in range(3):
            await ledger.commit()

        found = await ledger.signals_after(0, limit=10)
        next_id = ledger.read(awaited_after_s=START_S).next_signal_id

    assert [signal.id for signal in found] == kept
    assert next_id == 21
    assert not check_ledger(path).findings


async def test_when_there_is_too_much_signals_of_before_all_forecasts_go(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "ledger.db", SetClock()
    with open_at(path, clock=clock, retention_interval_s=1, max_bytes=1) as ledger:
        ledger.append([*OVER, OPEN, forecast(1), state(0)])
        await ledger.commit()
        clock.now_s = START_S + 30 * STEP_S
        for _ in range(3):
            await ledger.commit()

        found = await ledger.signals_after(0, limit=10)

    assert [signal.id for signal in found] == [3]
