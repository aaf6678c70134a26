"""The ledger is exported and checked from the command line."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.ledger.entries import forecast, open_at, outcome
from tests.cli.command_line import run

from tsfm_runner.cli.exit_codes import ExitCode


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "ledger.db"
    with open_at(path) as ledger:
        ledger.append([forecast(1), outcome(1)])
    return {"TSFM_STORE__URL": f"sqlite:///{path}"}


def damage(environ: dict[str, str]) -> None:
    path = environ["TSFM_STORE__URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def test_export_writes_three_tables_and_says_so(
    environ: dict[str, str], tmp_path: Path
) -> None:
    result = run("ledger", "export", tmp_path / "out", environ=environ)

    assert result.exit_code == ExitCode.OK, result.output
    assert str(tmp_path / "out" / "forecasts.parquet") in result.stdout
    assert pl.read_parquet(tmp_path / "out" / "outcomes.parquet").height == 1


def test_export_sums_up_as_json(environ: dict[str, str], tmp_path: Path) -> None:
    result = run("ledger", "export", tmp_path, "--json", environ=environ)

    assert json.loads(result.stdout) == {
        "forecasts_file": str(tmp_path / "forecasts.parquet"),
        "outcomes_file": str(tmp_path / "outcomes.parquet"),
        "signals_file": str(tmp_path / "signals.parquet"),
        "n_forecasts": 1,
        "n_outcomes": 1,
        "n_signals": 0,
    }


def test_a_backup_while_the_ledger_is_written_to_can_be_gone_on_from(
    environ: dict[str, str], tmp_path: Path
) -> None:
    path, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with open_at(path) as ledger:
        ledger.append([forecast(2)])
        asyncio.run(ledger.commit())

        result = run("ledger", "backup", copy, "--json", environ=environ)

        ledger.append([forecast(3)])
    for left in tmp_path.glob("ledger.db*"):
        left.unlink()
    copy.rename(path)

    assert json.loads(result.stdout) == {
        "file": str(copy),
        "bytes": path.stat().st_size,
    }
    with open_at(path) as ledger:
        ledger.append([forecast(3)])
    checked = run("ledger", "check", environ=environ)
    held = "3 forecasts, 1 outcomes, 0 scores, 0 signals, 0 findings\n"
    assert checked.stdout.endswith(held)


def test_a_backup_replaces_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    result = run("ledger", "backup", tmp_path / "ledger.db", environ=environ)

    assert result.exit_code == ExitCode.USAGE
    assert "is there already" in result.stderr


def test_a_backup_needs_a_folder(environ: dict[str, str], tmp_path: Path) -> None:
    result = run("ledger", "backup", tmp_path / "no" / "copy.db", environ=environ)

    assert result.exit_code == ExitCode.USAGE
    assert "cannot be written" in result.stderr


def test_a_backup_of_no_database_says_so(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "ledger.db").write_text("no database at all", encoding="utf-8")

    result = run("ledger", "backup", tmp_path / "copy.db", environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "cannot be copied" in result.stderr
    assert not (tmp_path / "copy.db").exists()


def test_check_finds_nothing_in_a_ledger_that_is_well(environ: dict[str, str]) -> None:
    result = run("ledger", "check", environ=environ)

    assert result.exit_code == ExitCode.OK
    held = "1 forecasts, 1 outcomes, 0 scores, 0 signals, 0 findings\n"
    assert result.stdout.endswith(held)


def test_check_fails_where_it_finds_something(environ: dict[str, str]) -> None:
    damage(environ)

    result = run("ledger", "check", "--json", environ=environ)

    assert result.exit_code == ExitCode.FAILED
    [finding] = json.loads(result.stdout)["findings"]
    assert "newer than this program" in finding


@pytest.mark.parametrize("arguments", [("check",), ("export", "out")])
@pytest.mark.parametrize(
    ("url", "told"),
    [("sqlite:///absent.db", "there is no ledger yet"), ("sqlite://", "in memory")],
)
def test_without_a_file_nothing_can_be_done(
    arguments: tuple[str, ...], url: str, told: str
) -> None:
    result = run("ledger", *arguments, environ={"TSFM_STORE__URL": url})

    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr


def test_the_doctor_looks_at_the_ledger(environ: dict[str, str]) -> None:
    def outcome_of(variables: dict[str, str]) -> str:
        result = run("doctor", "--json", environ=variables)
        checks = {each["name"]: each["outcome"] for each in json.loads(result.stdout)}
        return str(checks["ledger"])

    assert outcome_of(environ) == "ok"
    damage(environ)
    assert outcome_of(environ) == "failed"
    assert outcome_of({"TSFM_STORE__URL": "sqlite:///absent.db"}) == "skipped"
    assert outcome_of({"TSFM_STORE__URL": "sqlite://"}) == "skipped"
    assert outcome_of({"TSFM_STORE__URL": "postgresql://host/name"}) == "failed"
