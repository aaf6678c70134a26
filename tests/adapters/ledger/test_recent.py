"""What is read of the last days is what was written, newest part first."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.ledger.entries import START_S, STEP_S, forecast, open_at, score

from tsfm_runner.adapters.ledger.recent import read_recent
from tsfm_runner.errors import CalibrationStateError

N = 12
_NOT_SCORED = np.zeros((0, 0), dtype=np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a ledger of a forecast an hour, each id told in its record time."""
    path = tmp_path / "ledger.db"
    with open_at(path) as ledger:
        for number in range(1, N + 1):
            recorded_at_s = START_S + number * 3_600
            ledger.append([forecast(number, recorded_at_s=recorded_at_s)])
        ledger.append([score(1, [(3, 2), (4, 1)], ts_s=START_S + 5 * STEP_S, y=0.75)])
    return path


@pytest.mark.parametrize("at_once", [1, 5, N, 100])
def test_every_forecast_is_read_once_with_its_outcomes(
    path: Path, at_once: int
) -> None:
    parts = list(read_recent(path, since_s=0, at_once=at_once))

    found = {one.entry.id: one for part in parts for one in part}
    assert sorted(found) == list(range(1, N + 1))
    assert sum(len(part) for part in parts) == N
    assert [one.entry.id for part in parts[::-1] for one in part] == sorted(found)
    assert np.array_equal(found[3].outcomes, [np.nan, 0.75, np.nan], equal_nan=True)
    assert np.array_equal(found[4].outcomes, [0.75, np.nan, np.nan], equal_nan=True)
    assert found[3].entry.scoring.tolist() == forecast(3).scoring.tolist()


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_what_was_recorded_before_is_left_out_and_not_read(
    path: Path, at_once: int
) -> None:
    parts = list(read_recent(path, since_s=START_S + (N - 2) * 3_600, at_once=at_once))

    assert sorted(one.entry.id for part in parts for one in part) == [10, 11, 12]
    assert len(parts) <= 4


def test_a_band_that_nothing_scores_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_at(path) as ledger:
        ledger.append([replace(forecast(1), scoring=_NOT_SCORED), forecast(2)])

    [part] = read_recent(path, since_s=0)

    assert [one.entry.id for one in part] == [2]


def test_an_empty_ledger_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    open_at(path).close()

    assert list(read_recent(path, since_s=0)) == [[]]


def test_it_is_read_while_somebody_writes(path: Path) -> None:
    with open_at(path):
        assert sum(map(len, read_recent(path, since_s=0))) == N


def test_what_is_no_ledger_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"no database at all, but long enough to look like one" * 100)

    with pytest.raises(CalibrationStateError, match="cannot be read"):
        list(read_recent(path, since_s=0))
