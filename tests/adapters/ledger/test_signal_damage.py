"""A signal that was damaged is told and found; the file of an older program is not."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from tests.adapters.ledger.entries import change, open_at
from tests.service.signals_told import START_S, breach_signal

from tsfm_runner.adapters.ledger.database import open_database
from tsfm_runner.adapters.ledger.integrity import check_ledger
from tsfm_runner.domain.signals import BreachQuery, DeliveryEntry
from tsfm_runner.errors import CalibrationStateError

EVERYTHING = BreachQuery()
LONG_AGO_S = 0.0


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE signals SET severity = 'extreme'", "its columns say"),
        (
            "UPDATE signals SET document = replace(document, '0.71', 'null')",
            "Expected `float`",
        ),
        ("UPDATE signals SET document = '{'", "truncated"),
    ],
)
async def test_a_signal_that_is_damaged_is_told_and_found(
    path: Path, statement: str, finding: str
) -> None:
    with open_at(path) as ledger:
        ledger.append([breach_signal(2)])
    change(path, statement)

    with open_at(path) as ledger:
        with pytest.raises(CalibrationStateError, match="signal 2 is damaged"):
            ledger.read(awaited_after_s=LONG_AGO_S)
        with pytest.raises(CalibrationStateError, match="signal 2 is damaged"):
            await ledger.breaches(EVERYTHING)
    [found] = check_ledger(path).findings
    assert found.startswith("signal 2 is damaged")
    assert finding in found


def test_a_delivery_of_what_never_happened_is_found(path: Path) -> None:
    with open_at(path) as ledger:
        ledger.append([breach_signal(1), DeliveryEntry("pager", 2, START_S)])

    assert check_ledger(path).findings == (
        "pager was told of signal 2, and the newest that there ever was is 1",
    )


def test_signals_are_counted(path: Path) -> None:
    with open_at(path) as ledger:
        ledger.append([breach_signal(1), DeliveryEntry("pager", 1, START_S)])

    verdict = check_ledger(path)

    assert (verdict.n_signals, verdict.findings) == (1, ())


async def test_the_file_of_an_older_program_is_brought_up_to_date(path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "tsfm_runner.adapters.ledger:migrations")
    database = open_database(path)
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    database.close()
    change(
        path,
        "INSERT INTO outcomes VALUES (1700000000.0, 'm', 0.5, 'request', 1700000000.0)",
    )
    [finding] = check_ledger(path).findings

    with open_at(path) as ledger:
        ledger.append([breach_signal(1)])

    assert "those of an older program" in finding
    verdict = check_ledger(path)
    assert (verdict.n_outcomes, verdict.n_signals, verdict.findings) == (1, 1, ())
