"""Nothing is lost, nothing is out of order, and nobody ever waits for the disk."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from tests.adapters.ledger.entries import (
    START_S,
    SetClock,
    Told,
    forecast,
    open_at,
    outcome,
    score,
    state,
)
from tests.service.signals_told import breach_signal

from tsfm_runner.adapters.ledger import SqliteLedger
from tsfm_runner.adapters.ledger.integrity import check_ledger
from tsfm_runner.errors import LedgerUnavailableError

BIG = 400  # forecasts that need more pages than a full disk has


class Disk:
    """Holds so many pages; None: as many as one likes."""

    def __init__(self) -> None:
        self.max_pages: int | None = None

    def __call__(self, connection: sa.Connection) -> None:
        pages = self.max_pages or 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    event.listen(sa.Engine, "begin", disk)
    yield disk
    event.remove(sa.Engine, "begin", disk)


def n_rows(ledger: SqliteLedger, table: str = "forecasts") -> int:
    with ledger.database.reading() as connection:
        count = connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}")  # noqa: S608
        return int(count.scalar_one())


async def until_written(ledger: SqliteLedger) -> None:
    async with asyncio.timeout(10):
        while ledger.n_waiting:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)


async def test_entries_are_written_together_some_time_after_the_first(
    tmp_path: Path,
) -> None:
    with open_at(tmp_path / "ledger.db", commit_interval_s=0.001) as ledger:
        ledger.append([forecast(1), outcome(1)])

        await until_written(ledger)

        assert n_rows(ledger) == 1
        assert n_rows(ledger, "outcomes") == 1


async def test_nothing_is_written_before_its_time(tmp_path: Path) -> None:
    clock = SetClock()
    with open_at(tmp_path / "ledger.db", clock=clock) as ledger:
        ledger.append([forecast(1)])
        clock.now_s += 3
        ledger.append([forecast(2)])

        assert n_rows(ledger) == 0
        assert ledger.lag_s == 3
        assert ledger.n_waiting == 2

        await ledger.commit()

        assert n_rows(ledger) == 2
        assert ledger.lag_s == 0
        assert ledger.n_waiting == 0


async def test_commit_with_nothing_to_write_returns(tmp_path: Path) -> None:
    with open_at(tmp_path / "ledger.db") as ledger:
        await ledger.commit()
        await ledger.commit()

        assert n_rows(ledger) == 0


async def test_many_may_wait_for_one_commit(tmp_path: Path) -> None:
    with open_at(tmp_path / "ledger.db") as ledger:
        ledger.append([forecast(1)])

        await asyncio.gather(*(ledger.commit() for _ in range(20)))

        assert n_rows(ledger) == 1


async def test_whoever_does_not_wait_for_a_commit_disturbs_nobody(
    tmp_path: Path,
) -> None:
    with open_at(tmp_path / "ledger.db") as ledger:
        ledger.append([forecast(1)])
        leaving = asyncio.create_task(ledger.commit())
        await asyncio.sleep(0)
        leaving.cancel()

        await ledger.commit()

        assert n_rows(ledger) == 1


async def test_close_writes_everything_in_order(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_at(path) as ledger:
        for number in range(1, 5_001):
            ledger.append([forecast(number), outcome(number)])

    with open_at(path) as ledger:
        assert n_rows(ledger) == n_rows(ledger, "outcomes") == 5_000
        with ledger.database.reading() as connection:
            found = connection.exec_driver_sql("SELECT forecast_id FROM forecasts")
            names = [name for (name,) in found]
    assert names == [f"f-{number}" for number in range(1, 5_001)]


async def test_appending_after_the_end_raises_nothing(tmp_path: Path) -> None:
    ledger = open_at(tmp_path / "ledger.db")
    ledger.close()

    ledger.append([forecast(1)])

    with pytest.raises(LedgerUnavailableError, match="closed"):
        await ledger.commit()


async def test_a_full_disk_loses_nothing(tmp_path: Path, disk: Disk) -> None:
    told = Told()
    path = tmp_path / "ledger.db"
    with open_at(path, told=told) as ledger:
        ledger.append([forecast(1)])
        await ledger.commit()
        disk.max_pages = 1

        for number in range(2, BIG):
            ledger.append([forecast(number), outcome(number)])
        for _ in range(3):
            with pytest.raises(LedgerUnavailableError, match="disk is full"):
                await ledger.commit()
        full = await ledger.forecasts("m", since_s=0, before_id=None, limit=10)
        disk.max_pages = None
        await ledger.commit()
        found = await ledger.forecasts("m", since_s=0, before_id=None, limit=BIG)

    assert [each.entry.id for each in full] == [1]
    assert [each.entry.id for each in found] == list(range(BIG - 1, 0, -1))
    assert [str(each) for each in told.failures[1:]] == ["None"]
    assert "disk is full" in str(told.failures[0])
    assert not check_ledger(path).findings


async def test_what_could_not_be_written_is_tried_again_by_itself(
    tmp_path: Path, disk: Disk
) -> None:
    with open_at(tmp_path / "ledger.db", retry_interval_s=0.001) as ledger:
        disk.max_pages = 1
        ledger.append([forecast(number) for number in range(1, BIG)])
        with pytest.raises(LedgerUnavailableError):
            await ledger.commit()
        disk.max_pages = None

        await until_written(ledger)

        assert n_rows(ledger) == BIG - 1


async def test_on_a_full_disk_the_oldest_forecasts_go_and_nothing_else(
    tmp_path: Path, disk: Disk
) -> None:
    path = tmp_path / "ledger.db"
    with open_at(path, max_waiting=BIG) as ledger:
        disk.max_pages = 1
        ledger.append([state(0, bytes(20_000))])
        for number in range(1, 2 * BIG):
            pairs = [(number, 1)]
            scored = score(number, pairs, ts_s=START_S)
            signal = breach_signal(number)
            ledger.append([forecast(number), outcome(number), scored, signal])
        ledger.append([state(7)])
        with pytest.raises(LedgerUnavailableError):
            await ledger.commit()
        disk.max_pages = None
        await ledger.commit()

        n_kept = n_rows(ledger)
        assert n_kept + ledger.n_let_go == 2 * BIG - 1
        assert ledger.n_let_go > 0
        assert n_rows(ledger, "scores") == n_rows(ledger, "outcomes") == 2 * BIG - 1
        assert n_rows(ledger, "signals") == 2 * BIG - 1
        assert n_rows(ledger, "calibration_states") == 1
        contents = ledger.read(awaited_after_s=0)
        assert contents.next_forecast_id == 2 * BIG or n_kept == 0

    assert not check_ledger(path).findings


async def test_a_signal_that_is_not_safe_yet_is_told_to_nobody(
    tmp_path: Path, disk: Disk
) -> None:
    with open_at(tmp_path / "ledger.db", told=Told()) as ledger:
        ledger.append([breach_signal(1)])
        await ledger.commit()
        disk.max_pages = 1
        ledger.append([*map(outcome, range(BIG)), breach_signal(2)])
        before = await ledger.signals_after(0, limit=10)
        disk.max_pages = None

        after = await ledger.signals_after(0, limit=10)

    assert before == [breach_signal(1)]
    assert after == [breach_signal(1), breach_signal(2)]


async def test_close_on_a_full_disk_says_what_is_lost(
    tmp_path: Path, disk: Disk
) -> None:
    ledger = open_at(tmp_path / "ledger.db")
    disk.max_pages = 1
    ledger.append([forecast(number) for number in range(1, BIG)])

    with pytest.raises(LedgerUnavailableError, match=f"{BIG - 1} entries"):
        ledger.close()


async def test_an_entry_that_cannot_be_stored_stops_no_other(tmp_path: Path) -> None:
    told = Told()
    path = tmp_path / "ledger.db"
    broken = replace(forecast(2), market_id="\ud800")
    with open_at(path, told=told) as ledger:
        ledger.append([forecast(1)])
        ledger.append([broken])
        ledger.append([replace(forecast(3), id=2**80)])
        ledger.append([forecast(4), outcome(4)])
        ledger.append([score(1, [(2, 1)], ts_s=START_S)])

        await ledger.commit()

        assert n_rows(ledger) == 2
        assert n_rows(ledger, "outcomes") == 1
        assert ledger.n_refused == 2
    assert len(told.failures) == 2
    assert not check_ledger(path).findings


async def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    with open_at(tmp_path / "ledger.db") as ledger:
        for _ in range(2):
            ledger.append([forecast(1), score(1, [(1, 1)], ts_s=START_S)])
            await ledger.commit()

        assert n_rows(ledger) == n_rows(ledger, "scores") == 1


async def test_memory_forgets_at_the_end() -> None:
    with open_at(None) as ledger:
        ledger.append([forecast(1)])
        [found] = await ledger.forecasts("m", since_s=0, before_id=None, limit=5)
        assert found.entry.id == 1

    with open_at(None) as ledger:
        assert n_rows(ledger) == 0
