"""The calibration learns from history, and nothing else is left in the ledger."""

import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.adapters.ledger.entries import forecast, open_at, score
from tests.cli.command_line import run
from tests.cli.processes import PROGRAM

from tsfm_runner.adapters.ledger import read_state
from tsfm_runner.cli.calibrate_input import Recorded, Wanted, read_recorded
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.ledger import StateEntry
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.testing.markets import simulate_markets, to_frames

END = datetime(2026, 1, 1, tzinfo=UTC)
N_STEPS = 40
N_MARKETS = 6
STOPPED = 130


def write_folder(
    folder: Path, n_markets: int = N_MARKETS, n_steps: int = N_STEPS
) -> Path:
    folder.mkdir(exist_ok=True)
    simulated = simulate_markets(
        n_markets, n_steps=n_steps, step_s=300, seed=1, end=END
    )
    markets, prices = to_frames(simulated)
    markets.write_parquet(folder / "markets.parquet")
    prices.write_parquet(folder / "prices.parquet")
    return folder


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "history")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def environ_of(ledger: Path) -> dict[str, str]:
    return {"TSFM_STORE__URL": f"sqlite:///{ledger}"}


def teach(ledger: Path, data: Path, *flags: str) -> dict[str, Any]:
    result = run(
        *("calibrate", "--from", data, "--json", *flags), environ=environ_of(ledger)
    )
    assert result.exit_code == ExitCode.OK, result.output
    return dict(json.loads(result.stdout))


def state_of(ledger: Path) -> StateEntry:
    state = read_state(f"sqlite:///{ledger}")
    assert state is not None
    return state


def n_scored(state: StateEntry) -> int:
    return sum(one.n for one in state.segments)


def test_history_teaches_the_state_and_leaves_nothing_else(
    ledger: Path, history: Path
) -> None:
    told = teach(ledger, history, "--base", "ewma,har", "--base", "kalman")

    names = [one["base"] for one in told["bases"]]
    scores = [one["scores"] for one in told["bases"]]
    assert names == ["ewma", "har", "kalman"]
    assert told["origins"] == N_MARKETS * (N_STEPS - 1)
    # A band from step k has min(12, 39 - k) outcomes.
    expected = N_MARKETS * sum(min(12, N_STEPS - 1 - k) for k in range(1, N_STEPS))
    assert scores == 3 * [expected]
    assert n_scored(state_of(ledger)) == sum(scores)
    checked = run("ledger", "check", environ=environ_of(ledger))
    held = "0 forecasts, 0 outcomes, 0 scores, 0 signals, 0 findings\n"
    assert checked.stdout.endswith(held)


def test_the_service_goes_on_from_what_was_learned(ledger: Path, history: Path) -> None:
    teach(ledger, history)

    asked = run("forecast", history, "--method", "ewma", environ=environ_of(ledger))

    assert asked.exit_code == ExitCode.OK, asked.output
    with open_at(ledger) as opened:
        contents = opened.read(awaited_after_s=0)
    assert contents.state is not None
    assert n_scored(contents.state) > 0
    assert (contents.next_forecast_id, contents.next_score_id) == (1, 1)


def test_a_table_shows_raw_and_calibrated_bands(ledger: Path, history: Path) -> None:
    result = run("calibrate", "--from", history, environ=environ_of(ledger))

    assert result.exit_code == ExitCode.OK, result.output
    words = ("ewma: 10/90 interval", "raw", "calibrated", "interval score")
    assert [word for word in words if word not in result.stdout] == []


def test_scores_of_the_service_are_neither_repeated_nor_passed_over(
    ledger: Path, history: Path
) -> None:
    with open_at(ledger) as opened:
        opened.append([forecast(1), score(1, [(1, 1)], ts_s=1.7e9 + 600)])
        opened.append([score(2, [(1, 2)], ts_s=1.7e9 + 900)])

    teach(ledger, history, "--fresh")

    assert state_of(ledger).applied_score_id == 2
    with open_at(ledger) as opened:
        contents = opened.read(awaited_after_s=0)
    assert contents.scores == ()
    assert contents.ended == {(1, 1), (1, 2)}


def test_the_same_history_twice_counts_twice_and_says_so(
    ledger: Path, history: Path
) -> None:
    first = teach(ledger, history)
    once = n_scored(state_of(ledger))
    again = run("calibrate", "--from", history, environ=environ_of(ledger))

    assert first["events_known_before"] == 0
    assert "events were learned from before" in again.stderr
    assert n_scored(state_of(ledger)) == 2 * once
    teach(ledger, history, "--fresh")
    assert n_scored(state_of(ledger)) == once


def test_another_ledger_is_merged(ledger: Path, history: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    teach(other, history, "--base", "ewma")
    teach(ledger, history, "--base", "har")

    told = teach(ledger, other)

    assert [(one["model"], one["step_s"]) for one in told["merged"]] == [("ewma", 300)]
    rows = state_of(ledger).segments
    assert {one.model_name for one in rows} == {"ewma", "har"}
    assert n_scored(state_of(ledger)) == 2 * n_scored(state_of(other))


def test_nixtla_long_format_is_read(ledger: Path, history: Path) -> None:
    table = history.parent / "long.csv"
    names = {"market_id": "unique_id", "ts": "ds", "price": "y"}
    prices = pl.read_parquet(history / "prices.parquet").rename(names)
    prices.select(names.values()).write_csv(table)

    told = teach(ledger, table)

    assert told["markets"] == N_MARKETS


def test_events_and_time_choose_a_part(ledger: Path, history: Path) -> None:
    since = (END - timedelta(minutes=50)).isoformat()

    told = teach(ledger, history, "--events", "1", "--since", since, "--horizon", "3")

    assert told["markets"] < N_MARKETS
    assert told["origins"] == 10 * told["markets"]
    assert [one["step"] for one in told["bases"][0]["steps"]] == [1, 2, 3]


def recorded(folder: Path, freq: str = "5m") -> Recorded:
    wanted = Wanted(Frequency.parse(freq), None, None)
    return read_recorded(folder, wanted, PreparationConfig())


def rewrite_markets(folder: Path, *columns: pl.Expr, **named: pl.Expr) -> None:
    path = folder / "markets.parquet"
    pl.read_parquet(path).with_columns(*columns, **named).write_parquet(path)


def test_an_end_that_is_the_last_point_was_not_known_before(history: Path) -> None:
    scheduled = [one.facts.closes_at for one in recorded(history).histories]
    assert None not in scheduled

    rewrite_markets(history, end=pl.col("last_ts"))

    assert {one.facts.closes_at for one in recorded(history).histories} == {None}


def test_sources_are_looked_at_one_by_one(history: Path) -> None:
    first = pl.int_range(pl.len()) < N_MARKETS // 2
    rewrite_markets(
        history,
        pl.when(first)
        .then(pl.lit("live"))
        .otherwise(pl.lit("planned"))
        .alias("source"),
        pl.when(first).then("last_ts").otherwise("end").alias("end"),
    )

    found = recorded(history).histories

    assert sum(one.facts.closes_at is None for one in found) == N_MARKETS // 2


def test_markets_selected_on_their_outcome_teach_nothing(history: Path) -> None:
    rewrite_markets(history, selected_on_outcome=pl.int_range(pl.len()) < 2)

    told = recorded(history)

    assert told.n_markets == N_MARKETS - 2
    assert told.left_out == {"selected on its outcome": 2}


def test_a_market_that_cannot_be_read_is_skipped(ledger: Path, history: Path) -> None:
    path = history / "prices.parquet"
    prices = pl.read_parquet(path)
    name = prices["market_id"][0]
    bad = pl.when(pl.col("market_id") == name).then(1.5).otherwise("price")
    prices.with_columns(price=bad).write_parquet(path)

    result = run("calibrate", "--from", history, "--json", environ=environ_of(ledger))

    assert result.exit_code == ExitCode.PARTIAL
    [skipped] = json.loads(result.stdout)["skipped"]
    assert skipped["market_id"] == name
    assert skipped["reason"] == "price: must lie in [0, 1]"


def test_a_recording_that_is_too_coarse_teaches_nothing(history: Path) -> None:
    with pytest.raises(UnreadableInputError, match="more than two steps apart"):
        recorded(history, freq="1m")


@pytest.mark.parametrize(
    ("flags", "told", "code"),
    [
        (("--from", "absent"), "absent is no file and no folder", ExitCode.USAGE),
        (("--from", "absent.db"), "absent.db is no file", ExitCode.USAGE),
        (("--from", "requests.json"), "to learn, prices", ExitCode.USAGE),
        (("--from", "history", "--base", "chronos2"), "must name some", ExitCode.USAGE),
        (("--from", "history", "--freq", "x"), "freq", ExitCode.USAGE),
        (("--from", "history", "--since", "x"), "since", ExitCode.USAGE),
        (("--from", "history", "--horizon", "0"), "--horizon", ExitCode.USAGE),
        (("--from", "ledger.db"), "ledger of these settings", ExitCode.USAGE),
    ],
)
def test_what_cannot_be_learned_from_is_refused(  # noqa: PLR0913, PLR0917
    ledger: Path,
    history: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    told: str,
    code: ExitCode,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requests.json").write_text("[]")
    if "ledger.db" in flags:
        teach(ledger, history)

    result = run("calibrate", *flags, environ=environ_of(ledger))

    assert result.exit_code == code
    assert told in result.stderr


def test_a_ledger_without_a_state_cannot_be_merged(
    ledger: Path, tmp_path: Path
) -> None:
    with open_at(tmp_path / "empty.db"):
        pass

    result = run(
        *("calibrate", "--from", tmp_path / "empty.db"), environ=environ_of(ledger)
    )

    assert result.exit_code == ExitCode.USAGE
    assert "holds no calibration state" in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TSFM_STORE__URL", "sqlite://", "in memory"),
        ("TSFM_CALIBRATION__ENABLED", "false", "nothing is learned"),
    ],
)
def test_settings_under_which_nothing_would_be_kept_are_refused(
    history: Path, ledger: Path, name: str, value: str, told: str
) -> None:
    environ = environ_of(ledger) | {name: value}

    result = run("calibrate", "--from", history, environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert told in result.stderr


def test_no_service_may_be_running(ledger: Path, history: Path) -> None:
    with open_at(ledger):
        result = run("calibrate", "--from", history, environ=environ_of(ledger))

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "another process" in result.stderr or "in use" in result.stderr


def test_ctrl_c_leaves_the_state_as_it_was(ledger: Path, tmp_path: Path) -> None:
    small = write_folder(tmp_path / "small")
    teach(ledger, small)
    before = state_of(ledger)
    large = write_folder(tmp_path / "large", n_markets=200, n_steps=400)
    command = [PROGRAM, "calibrate", "--from", str(large)]
    with subprocess.Popen(  # noqa: S603 - the program under test
        command, stderr=subprocess.PIPE, text=True, env=os.environ | environ_of(ledger)
    ) as process:
        assert process.stderr is not None
        assert "learned from before" in process.stderr.readline()  # it is at work
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == STOPPED
    assert errors == "stopped: the calibration is what it was before\n"
    assert state_of(ledger).blob == before.blob
