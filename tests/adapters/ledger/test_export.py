"""What is exported is what is stored, in the long form that analyses start from."""

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.ledger.entries import (
    HORIZON,
    LEVELS,
    START_S,
    STEP_S,
    forecast,
    open_at,
    outcome,
    score,
)
from tests.service.signals_told import breach_signal, closed, followed

from tsfm_runner.adapters.ledger.export import export_ledger
from tsfm_runner.errors import CalibrationStateError, UnreadableInputError

N = 12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with open_at(path) as ledger:
        for number in range(1, N + 1):
            ledger.append([forecast(number, is_shadow=number % 2 == 0)])
            ledger.append([outcome(number, y=number / 100)])
        ledger.append([score(1, [(3, 2)], ts_s=START_S + 5 * STEP_S, y=0.75)])
    return path


def silent(_n_done: int, _n_all: int) -> None:
    """Tell nobody."""


def test_each_level_of_each_step_has_its_row(path: Path, tmp_path: Path) -> None:
    exported = export_ledger(path, tmp_path / "out", silent)

    frame = pl.read_parquet(exported.forecasts_file)
    assert exported.n_forecasts == N
    assert frame.height == N * HORIZON * len(LEVELS)
    third = frame.filter(id=3)
    assert third["step"].to_list() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert third["level"].to_list() == list(LEVELS) * HORIZON
    assert third["published"].to_list() == forecast(3).published.ravel().tolist()
    lower, upper = forecast(3).target.T
    assert third["lower"].to_list() == lower.repeat(3).tolist()
    assert third["upper"].to_list() == upper.repeat(3).tolist()
    assert third["outcome"].to_list() == [None] * 3 + [0.75] * 3 + [None] * 3
    assert third["ts"].unique().sort().to_list() == [
        datetime.fromtimestamp(START_S + (3 + step) * STEP_S, UTC)
        for step in range(1, HORIZON + 1)
    ]
    assert third["is_shadow"].unique().to_list() == [False]
    assert third["closes_at"].null_count() == third.height


def test_every_outcome_has_its_row(path: Path, tmp_path: Path) -> None:
    exported = export_ledger(path, tmp_path, silent)

    frame = pl.read_parquet(exported.outcomes_file)
    assert frame["y"].to_list() == [number / 100 for number in range(1, N + 1)]
    assert frame["source"].unique().to_list() == ["request"]


def test_progress_ends_with_everything(path: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    export_ledger(path, tmp_path, lambda n_done, n_all: told.append((n_done, n_all)))

    assert told[-1] == (2 * N, 2 * N)


def test_a_ledger_can_be_exported_while_it_is_written(
    path: Path, tmp_path: Path
) -> None:
    with open_at(path):
        assert export_ledger(path, tmp_path, silent).n_forecasts == N


def test_an_empty_ledger_makes_empty_tables(tmp_path: Path) -> None:
    open_at(tmp_path / "ledger.db").close()

    exported = export_ledger(tmp_path / "ledger.db", tmp_path, silent)

    assert pl.read_parquet(exported.forecasts_file).is_empty()
    assert pl.read_parquet(exported.outcomes_file).columns[0] == "market_id"


def test_no_ledger_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="no ledger yet"):
        export_ledger(tmp_path / "ledger.db", tmp_path, silent)


def test_a_ledger_that_is_damaged_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_at(path) as ledger:
        ledger.append([forecast(1)])
    with open_at(path) as ledger, ledger.database.writing() as connection:
        connection.exec_driver_sql("UPDATE forecasts SET raw = x'00'")

    with pytest.raises(CalibrationStateError, match="bands of forecast 1"):
        export_ledger(path, tmp_path, silent)


def test_a_folder_that_cannot_be_made_is_told(path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="cannot be written"):
        export_ledger(path, path / "folder", silent)


def test_every_signal_has_its_row(path: Path, tmp_path: Path) -> None:
    first, shut = breach_signal(1), closed(breach_signal(1), 2)
    with open_at(path) as ledger:
        ledger.append([first, shut, followed(shut, 3)])

    exported = export_ledger(path, tmp_path, silent)

    frame = pl.read_parquet(exported.signals_file)
    assert exported.n_signals == frame.height == 3
    assert frame["phase"].to_list() == ["opened", "closed", "followed"]
    assert frame["lower"].to_list() == [first.band.lower] * 3
    assert frame["has_followed"].to_list() == [None, None, True]
    assert frame["closed_at"].to_list() == [
        None,
        *[datetime.fromtimestamp(shut.ts_s, UTC)] * 2,
    ]
    assert frame["recorded_at"][0] == datetime.fromtimestamp(first.recorded_at_s, UTC)
    assert not set(frame.columns) & {
        name for name in frame.columns if frame[name].null_count() == frame.height
    }


def test_the_file_of_an_older_program_has_no_signals(
    path: Path, tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE signals")

    exported = export_ledger(path, tmp_path, silent)

    assert exported.n_signals == pl.read_parquet(exported.signals_file).height == 0
