"""What is old, or too much, goes; what a restart still needs does not."""

from pathlib import Path

import pytest
from tests.adapters.ledger.entries import (
    START_S,
    STEP_S,
    SetClock,
    forecast,
    open_at,
    outcome,
    score,
    state,
)

from tsfm_runner.adapters.ledger import SqliteLedger
from tsfm_runner.adapters.ledger.integrity import check_ledger

N = 2_000
DAY_S = 86_400.0
MAX_AGE_S = 30 * DAY_S
ENOUGH_COMMITS = 40


def fill(ledger: SqliteLedger, *, applied: int | None) -> None:
    """Append forecasts, each recorded as it is cut off, with outcome and score."""
    for number in range(1, N + 1):
        cutoff_s = START_S + number * STEP_S
        ledger.append(
            [
                forecast(number, recorded_at_s=cutoff_s),
                outcome(number + 1),
                score(number, [(number, 1)], ts_s=cutoff_s + STEP_S),
            ]
        )
    if applied is not None:
        ledger.append([state(applied)])


def size_of(path: Path) -> int:
    return path.stat().st_size


async def commit_often(ledger: SqliteLedger) -> None:
    for _ in range(ENOUGH_COMMITS):
        await ledger.commit()


def ids(ledger: SqliteLedger, table: str) -> list[int]:
    column = "ts_s" if table == "outcomes" else "id"
    query = f"SELECT {column} FROM {table} ORDER BY 1"  # noqa: S608
    with ledger.database.reading() as connection:
        return [row[0] for row in connection.exec_driver_sql(query)]


async def test_what_is_too_old_goes_and_its_room_is_given_back(path: Path) -> None:
    clock = SetClock()
    with open_at(path, clock=clock, retention_interval_s=60) as ledger:
        fill(ledger, applied=N)
        await ledger.commit()
        kept_from = N - 100
        clock.now_s = START_S + kept_from * STEP_S + MAX_AGE_S

        await commit_often(ledger)

        assert ids(ledger, "forecasts") == list(range(kept_from, N + 1))
        assert ids(ledger, "scores") == list(range(kept_from, N + 1))
        assert len(ids(ledger, "outcomes")) == 102
        contents = ledger.read(awaited_after_s=START_S)
        assert (contents.next_forecast_id, contents.next_score_id) == (N + 1, N + 1)
        with ledger.database.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    assert size_of(path) == pages * 8192
    assert pages < 60
    assert not check_ledger(path).findings


async def test_nothing_goes_before_the_interval_is_over(path: Path) -> None:
    clock = SetClock()
    with open_at(path, clock=clock, retention_interval_s=2 * MAX_AGE_S) as ledger:
        fill(ledger, applied=N)
        clock.now_s = START_S + N * STEP_S + MAX_AGE_S

        await commit_often(ledger)

        assert len(ids(ledger, "forecasts")) == N


async def test_what_is_too_much_goes_the_oldest_first(path: Path) -> None:
    clock = SetClock()
    max_bytes = 400_000
    with open_at(
        path, clock=clock, retention_interval_s=60, max_bytes=max_bytes
    ) as ledger:
        fill(ledger, applied=N)
        await ledger.commit()
        clock.now_s = START_S + 100

        await commit_often(ledger)

        kept = ids(ledger, "forecasts")
        assert kept == list(range(kept[0], N + 1))
        assert 1 < kept[0] < N
        assert ids(ledger, "scores") == kept
        assert ids(ledger, "outcomes")[0] >= START_S + kept[0] * STEP_S
    assert size_of(path) < 1.1 * max_bytes
    assert not check_ledger(path).findings


@pytest.mark.parametrize(("applied", "first_kept"), [(None, 1), (1_500, 1_501)])
async def test_what_the_state_does_not_include_stays(
    path: Path, applied: int | None, first_kept: int
) -> None:
    clock = SetClock()
    with open_at(path, clock=clock, retention_interval_s=60) as ledger:
        fill(ledger, applied=applied)
        await ledger.commit()
        clock.now_s = START_S + 2 * MAX_AGE_S + N * STEP_S

        await commit_often(ledger)

        contents = ledger.read(awaited_after_s=clock.now_s)
        assert [each.id for each in contents.scores] == list(range(first_kept, N + 1))
        assert [each.id for each in contents.forecasts] == ids(ledger, "forecasts")
        assert ids(ledger, "forecasts") == list(range(first_kept, N + 1))


async def test_what_an_older_state_does_not_include_stays_as_the_way_out(
    path: Path,
) -> None:
    clock = SetClock()
    with open_at(path, clock=clock, retention_interval_s=60) as ledger:
        fill(ledger, applied=500)
        await ledger.commit()
        ledger.append([state(N)])
        await ledger.commit()
        clock.now_s = START_S + 2 * MAX_AGE_S + N * STEP_S

        await commit_often(ledger)

        assert ids(ledger, "scores") == list(range(501, N + 1))


async def test_ids_of_what_is_gone_are_never_used_again(path: Path) -> None:
    clock = SetClock()
    with open_at(path, clock=clock, retention_interval_s=60) as ledger:
        fill(ledger, applied=N)
        await ledger.commit()
        clock.now_s = START_S + 2 * MAX_AGE_S + N * STEP_S
        await commit_often(ledger)
        assert ids(ledger, "forecasts") == ids(ledger, "scores") == []

    with open_at(path) as ledger:
        contents = ledger.read(awaited_after_s=START_S)

    assert (contents.next_forecast_id, contents.next_score_id) == (N + 1, N + 1)
    assert not check_ledger(path).findings
