"""A ledger opens where it can be trusted, and says why where it cannot."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.adapters.ledger.entries import (
    START_S,
    STEP_S,
    change,
    forecast,
    open_at,
    score,
    state,
)

from tsfm_runner.adapters.ledger import ledger_path
from tsfm_runner.adapters.ledger.database import open_database
from tsfm_runner.adapters.ledger.schema import is_current
from tsfm_runner.adapters.ledger.tables import METADATA
from tsfm_runner.errors import (
    CalibrationStateError,
    ConfigurationError,
    LedgerInUseError,
)

LONG_AGO_S = 0.0


def tables(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
        return found.fetchall()


def test_the_steps_lead_to_the_tables_that_the_code_knows(path: Path) -> None:
    open_at(path).close()

    database = open_database(path)
    with database.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
        assert is_current(connection)
    database.close()

    assert differences == []


def test_indices_and_tables_are_made_alike_by_the_steps_and_by_the_code(
    path: Path, tmp_path: Path
) -> None:
    open_at(path).close()
    other = tmp_path / "other.db"
    engine = sa.create_engine(f"sqlite:///{other}")
    METADATA.create_all(engine)
    engine.dispose()

    def bare(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [
            (name, " ".join(sql.split()) if sql else sql)
            for name, sql in found
            if "alembic" not in name
        ]

    assert bare(tables(path)) == bare(tables(other))


def test_opening_again_changes_nothing(path: Path) -> None:
    open_at(path).close()
    before = tables(path)

    open_at(path).close()

    assert tables(path) == before


def test_a_second_writer_is_refused(path: Path) -> None:
    with open_at(path), pytest.raises(LedgerInUseError) as caught:
        open_at(path)

    assert str(path) in str(caught.value)
    assert "TSFM_STORE__URL" in str(caught.value)
    open_at(path).close()


def test_a_ledger_that_did_not_open_can_be_opened_later(path: Path) -> None:
    path.write_text("no ledger" * 1000, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(CalibrationStateError):
            open_at(path)
    path.unlink()

    open_at(path).close()


async def test_a_newest_state_that_is_damaged_is_told(path: Path) -> None:
    with open_at(path) as ledger:
        ledger.append([state(1, b"old")])
        await ledger.commit()
        ledger.append([state(2, b"new")])
    change(path, "UPDATE calibration_states SET blob = x'00' WHERE id = 2")

    with open_at(path) as ledger, pytest.raises(CalibrationStateError) as caught:
        ledger.read(awaited_after_s=LONG_AGO_S)

    assert str(path) in str(caught.value)
    assert "checksum of calibration state 2" in str(caught.value)
    change(path, "DELETE FROM calibration_states WHERE id = 2")
    with open_at(path) as ledger:
        found = ledger.read(awaited_after_s=LONG_AGO_S).state
    assert found is not None
    assert (found.blob, found.segments) == (b"old", ())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE forecasts SET target = x'00'",
        "UPDATE forecasts SET horizon = 2",
        "UPDATE forecasts SET quantile_levels = '[0.5'",
        "UPDATE scores SET steps = '[1, 2, 3]'",
        "UPDATE scores SET forecast_ids = 'none'",
    ],
)
def test_a_row_that_is_damaged_is_told(path: Path, statement: str) -> None:
    with open_at(path) as ledger:
        ledger.append([forecast(1), score(1, [(1, 1)], ts_s=START_S + 2 * STEP_S)])
    change(path, statement)

    with (
        open_at(path) as ledger,
        pytest.raises(CalibrationStateError, match="cannot be read"),
    ):
        ledger.read(awaited_after_s=LONG_AGO_S)


def test_a_page_that_is_damaged_is_told(path: Path) -> None:
    with open_at(path) as ledger:
        ledger.append([forecast(number) for number in range(1, 200)])
    content = bytearray(path.read_bytes())
    content[8 * 8192 :] = b"\xff" * (len(content) - 8 * 8192)
    path.write_bytes(content)

    with (
        pytest.raises(CalibrationStateError, match="cannot be read"),
        open_at(path) as ledger,
    ):
        ledger.read(awaited_after_s=LONG_AGO_S)


def _no_database(path: Path) -> None:
    path.write_bytes(b"forecast,market\n" * 1000)


def _newer(path: Path) -> None:
    open_at(path).close()
    change(path, "UPDATE alembic_version SET version_num = '9999'")


def _of_another_program(path: Path) -> None:
    change(path, "CREATE TABLE songs (title)")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_no_database, "not a database"),
        (_newer, "version 9999, which is newer"),
        (_of_another_program, "database of another program"),
    ],
)
def test_a_file_that_cannot_be_used_is_left_as_it_is(
    path: Path, make: Callable[[Path], None], told: str
) -> None:
    make(path)
    before = path.read_bytes()

    with pytest.raises(CalibrationStateError, match=told) as caught:
        open_at(path)

    assert str(path) in str(caught.value)
    assert "ove " in str(caught.value)
    assert path.read_bytes()[100:] == before[100:]


def test_a_place_where_nothing_can_be_written_is_a_fault_of_the_settings(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"store\.url"):
        open_at(tmp_path / "file" / "ledger.db")


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"store\.url"):
        open_at(tmp_path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:////srv/ledger.db", Path("/srv/ledger.db")),
        ("sqlite:///ledger.db", Path.cwd() / "ledger.db"),
        (None, Path("/data/tsfm-runner/ledger.db")),
    ],
)
def test_an_address_names_a_file_or_memory(url: str | None, path: Path | None) -> None:
    assert ledger_path(url, {"XDG_DATA_HOME": "/data"}) == path


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host/name",
        "sqlite+aiosqlite:///ledger.db",
        "ledger.db",
        "sqlite:///file:ledger.db?uri=true",
        "sqlite:///ledger.db?timeout=5",
    ],
)
def test_another_address_is_a_fault_of_the_settings(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"store\.url"):
        ledger_path(url)
