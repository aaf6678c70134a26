"""What a ledger was told is read in the layout of a recording."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.adapters.ledger.entries import START_S, STEP_S, forecast, open_at, outcome

from tsfm_runner.adapters.files.recording import Wanted, read_recording
from tsfm_runner.adapters.ledger.told import told_prices
from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.errors import CalibrationStateError, UnreadableInputError


def test_prices_come_with_what_the_last_request_said(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    early = replace(forecast(1), event_id="first word", closes_at_s=START_S)
    late = replace(forecast(2), event_id="last word", closes_at_s=START_S + 900)
    with open_at(path) as ledger:
        ledger.append([early, late, outcome(1, y=0.25), outcome(3, market_id="other")])

    rows = told_prices(path).sort("market_id").rows(named=True)

    assert rows == [
        {
            "market_id": "m",
            "ts": datetime.fromtimestamp(START_S + STEP_S, UTC),
            "price": 0.25,
            "event_id": "last word",
            "closes_at": datetime.fromtimestamp(START_S + 900, UTC),
        },
        {
            "market_id": "other",
            "ts": datetime.fromtimestamp(START_S + 3 * STEP_S, UTC),
            "price": 0.5,
            "event_id": None,
            "closes_at": None,
        },
    ]


def test_what_was_told_is_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    prices = [outcome(number, y=0.3 + number / 100) for number in range(40)]
    with open_at(path) as ledger:
        ledger.append([forecast(1), *prices])

    wanted = Wanted(Frequency.parse("5m"))
    [market] = read_recording(told_prices(path), wanted, PreparationConfig()).markets

    assert (market.market_id, market.group, market.step_s) == ("m", "e", 300)
    assert market.prices == pytest.approx([one.y for one in prices])


def test_no_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="there is no ledger yet"):
        told_prices(tmp_path / "ledger.sqlite")


def test_a_file_that_is_no_ledger_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database at all" * 100)

    with pytest.raises(CalibrationStateError):
        told_prices(path)
