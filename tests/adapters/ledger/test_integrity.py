"""The check finds what cannot be true, and nothing in a ledger that is well."""

from pathlib import Path

import pytest
from tests.adapters.ledger.entries import (
    START_S,
    STEP_S,
    change,
    forecast,
    open_at,
    outcome,
    score,
    state,
)

from tsfm_runner.adapters.ledger.integrity import check_ledger

TWICE = "1 steps of forecasts were scored twice, the first of them step 1 of forecast 2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with open_at(path) as ledger:
        ledger.append([forecast(number) for number in range(1, 100)])
        ledger.append([outcome(2)])
        ledger.append([score(1, [(1, 1), (2, 1)], ts_s=START_S + 2 * STEP_S)])
        ledger.append([score(2, [(1, 2)], ts_s=START_S + 3 * STEP_S), state(2)])
    return path


def test_a_ledger_that_is_well_has_no_findings(path: Path) -> None:
    verdict = check_ledger(path)

    assert verdict.findings == ()
    assert (verdict.n_forecasts, verdict.n_outcomes, verdict.n_scores) == (99, 1, 2)


def test_a_ledger_can_be_checked_while_it_is_written(path: Path) -> None:
    with open_at(path):
        assert check_ledger(path).findings == ()


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (
            "UPDATE scores SET forecast_ids = '[2]', steps = '[1]' WHERE id = 2",
            TWICE,
        ),
        (
            "DELETE FROM forecasts WHERE id = 2",
            "1 forecasts were scored that are not there, the first of them 2",
        ),
        (
            "UPDATE calibration_states SET applied_score_id = 1",
            "the checksum of calibration state 1 does not fit",
        ),
    ],
)
def test_what_cannot_be_true_is_found(path: Path, statement: str, finding: str) -> None:
    change(path, statement)

    assert check_ledger(path).findings == (finding,)


def test_a_forecast_older_than_all_that_are_left_may_be_gone(path: Path) -> None:
    change(path, "DELETE FROM forecasts WHERE id < 50")

    assert check_ledger(path).findings == ()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer than this program"),
        ("DROP TABLE alembic_version", "database of another program"),
        ("UPDATE scores SET steps = '[1, 2'", "cannot be read"),
    ],
)
def test_a_ledger_that_cannot_be_read_is_found(
    path: Path, statement: str, told: str
) -> None:
    change(path, statement)

    [finding] = check_ledger(path).findings

    assert told in finding


def test_damage_to_a_page_is_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192 * 6 : 8192 * 6 + 4000] = b"\xff" * 4000
    path.write_bytes(content)

    assert check_ledger(path).findings


def test_a_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("no ledger" * 1000, encoding="utf-8")

    [finding] = check_ledger(path).findings

    assert "not a database" in finding
