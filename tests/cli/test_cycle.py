"""A cycle takes the markets that matter, ends in time and tells what it did."""

import json
import math
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.cli.command_line import run
from tests.cli.cycle_inputs import (
    NOON,
    WALK,
    names,
    price_file,
    prices,
    runtime_beside,
)
from typer.testing import Result

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions

SHARED = Path(os.environ.get("TSFM_SHARED", "../shared"))


def documents(result: Result, code: ExitCode = ExitCode.OK) -> list[dict[str, Any]]:
    assert result.exit_code == code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def forecast_ids(path: Path) -> list[str]:
    bands = pl.read_parquet(path)
    return bands["market_id"].unique(maintain_order=True).to_list()


def test_one_cycle_forecasts_and_tells(tmp_path: Path) -> None:
    result = run("cycle", price_file(tmp_path, *names(3)), "--json")

    [cycle] = documents(result)
    assert cycle["markets_seen"] == cycle["markets_ranked"] == cycle["markets"] == 3
    assert cycle["by_model"] == 0
    assert cycle["answered_by"] == {"baseline:ewma": cycle["by_baseline"]}
    assert 0 < cycle["duration_s"] < cycle["budget_s"] == 60
    assert (cycle["is_over_budget"], cycle["error"]) == (False, None)


def test_people_get_tables(tmp_path: Path) -> None:
    result = run("cycle", price_file(tmp_path, *names(3)))

    assert result.exit_code == ExitCode.OK, result.output
    assert "Cycle 1, " in result.stdout
    assert "m002" in result.stdout
    assert " s of 60 s" in result.stdout
    assert "3  baseline:ewma" in result.stdout


def test_the_top_is_forecast_best_first(tmp_path: Path) -> None:
    _folder(tmp_path)
    out = tmp_path / "bands.parquet"
    watch = tmp_path / "watch.txt"
    watch.write_text("m001\nelsewhere\n", encoding="utf-8")
    alarms = tmp_path / "alarms.txt"
    alarms.write_text("m003\n", encoding="utf-8")

    result = run(
        *("cycle", tmp_path, "--top", 5, "--out", out, "--json"),
        *("--watchlist", watch, "--candidates", alarms),
    )

    [cycle] = documents(result)
    assert forecast_ids(out) == ["m001", "m004", "m002", "m003", "m005"]
    assert (cycle["markets_seen"], cycle["markets_ranked"]) == (8, 5)
    assert cycle["watched_but_not_seen"] == ["elsewhere"]


def _folder(folder: Path) -> None:
    """Write eight markets: m004 is watched, m002 a candidate, m005 is traded most."""
    prices(*names(8)).with_columns(
        volume=pl.when(pl.col("market_id") == "m005").then(9.0).otherwise(1.0)
    ).write_parquet(folder / "prices.parquet")
    market = pl.Series("market_id", names(8))
    pl.DataFrame(market).with_columns(
        watchlist=market == "m004", alert_candidate=market == "m002"
    ).write_parquet(folder / "markets.parquet")


@pytest.mark.parametrize(
    ("hours", "first"),
    [("24", "old"), ("1", "new")],
)
def test_the_window_of_volume_can_change_who_is_first(
    tmp_path: Path, hours: str, first: str
) -> None:
    path, out = tmp_path / "series.parquet", tmp_path / "bands.parquet"
    age = NOON - pl.col("ts")
    old = prices("old").with_columns(
        volume=pl.when(age >= timedelta(hours=2)).then(9.0).otherwise(0.0)
    )
    new = prices("new").with_columns(volume=pl.lit(1.0))
    pl.concat([old, new]).write_parquet(path)

    run("cycle", path, "--out", out, environ={"TSFM_CYCLE__VOLUME_WINDOW_HOURS": hours})

    assert forecast_ids(out)[0] == first


def test_requests_are_ranked_by_written_names(tmp_path: Path) -> None:
    requests = [
        {"market_id": name, "as_of_ts": "2026-02-20T12:00:00Z", "y": WALK.tolist()}
        for name in names(4)
    ]
    watch, out = tmp_path / "watch.txt", tmp_path / "bands.parquet"
    watch.write_text("m002", encoding="utf-8")

    result = run(
        *("cycle", "-", "--top", 2, "--watchlist", watch, "--out", out),
        piped="\n".join(map(json.dumps, requests)),
    )

    assert result.exit_code == ExitCode.OK, result.output
    assert forecast_ids(out) == ["m002", "m000"]


def test_what_does_not_fit_into_the_budget_falls_to_baselines(tmp_path: Path) -> None:
    path, out = price_file(tmp_path, *names(300)), tmp_path / "bands.parquet"
    slow = FakeTollamaOptions(latency_ms=700)

    with runtime_beside(slow) as url:
        result = run(
            *("cycle", path, "--top", 300, "--budget-s", 3, "--out", out, "--json"),
            environ={"TSFM_TOLLAMA__URL": url},
        )

    [cycle] = documents(result)
    reasons = cycle["fallback_reasons"]  # a busy machine may add a timeout
    assert cycle["duration_s"] <= cycle["budget_s"] == 3
    assert cycle["by_model"] > 0
    assert reasons["deadline_exceeded"] > 0
    assert sum(reasons.values()) == cycle["by_baseline"]
    assert cycle["by_model"] + cycle["by_baseline"] == cycle["markets"] == 300
    by_market = pl.read_parquet(out).group_by("market_id", maintain_order=True).first()
    assert by_market.height == 300
    assert set(by_market["runtime"][:64]) == {"tollama"}
    assert by_market["fallback_reason"][-1] == "deadline_exceeded"


@pytest.mark.parametrize(
    "setting", ["TSFM_CYCLE__RESERVE_S", "TSFM_CYCLE__RESERVE_MS_PER_MARKET"]
)
def test_a_reserve_as_large_as_the_budget_leaves_models_nothing(
    tmp_path: Path, setting: str
) -> None:
    with runtime_beside(FakeTollamaOptions()) as url:
        result = run(
            *("cycle", price_file(tmp_path, *names(3)), "--budget-s", 20, "--json"),
            environ={"TSFM_TOLLAMA__URL": url, setting: "20000"},
        )

    [cycle] = documents(result)
    assert cycle["fallback_reasons"] == {"deadline_exceeded": 3}


def test_a_cycle_over_its_budget_says_so_and_fails(tmp_path: Path) -> None:
    path = price_file(tmp_path, *names(3))

    result = run("cycle", path, "--budget-s", 0.001, "--json")
    table = run("cycle", path, "--budget-s", 0.001)

    [cycle] = documents(result, ExitCode.FAILED)
    assert cycle["is_over_budget"]
    assert cycle["markets"] == 3
    assert "over budget" in table.stdout


def test_cycles_repeat_and_the_budget_is_a_share_of_the_interval(
    tmp_path: Path,
) -> None:
    path = price_file(tmp_path, *names(3))

    result = run("cycle", path, "--every", "2s", "--cycles", 2, "--json")
    share = run(
        *("cycle", path, "--every", "2s", "--cycles", 1, "--json"),
        environ={"TSFM_CYCLE__MAX_SHARE_OF_INTERVAL": "0.9"},
    )

    cycles = documents(result)
    assert [cycle["cycle"] for cycle in cycles] == [1, 2]
    assert [cycle["budget_s"] for cycle in cycles] == [1.0, 1.0]
    assert cycles[0]["started_at"] < cycles[1]["started_at"]
    assert documents(share)[0]["budget_s"] == 1.8


def test_starts_that_a_long_cycle_missed_are_told(tmp_path: Path) -> None:
    path = price_file(tmp_path, *names(3))

    result = run("cycle", path, "--every", "0.001s", "--cycles", 1)

    assert result.exit_code == ExitCode.FAILED
    assert "starts missed" in result.stdout


def test_a_market_that_cannot_be_forecast_is_told(tmp_path: Path) -> None:
    path = tmp_path / "series.parquet"
    wrong = prices("wrong").with_columns(price=pl.lit(7.0))
    pl.concat([prices("a"), wrong]).write_parquet(path)

    [cycle] = documents(run("cycle", path, "--json"), ExitCode.PARTIAL)

    assert cycle["markets"] == 1
    assert [market["market_id"] for market in cycle["skipped"]] == ["wrong"]


def test_options_say_what_is_asked(tmp_path: Path) -> None:
    out = tmp_path / "bands.parquet"

    result = run(
        *("cycle", price_file(tmp_path, "a"), "--out", out, "--freq", "15m"),
        *("--horizon", 3, "--quantiles", "0.95,0.05", "--method", "har"),
    )

    bands = pl.read_parquet(out)
    assert result.exit_code == ExitCode.OK, result.output
    assert bands["step"].to_list() == [1, 2, 3]
    assert bands["ts"][0] == NOON + timedelta(minutes=15)
    assert bands["model_name"].unique().to_list() == ["har"]
    assert {"q0.05", "q0.95"} <= set(bands.columns)


def test_bands_may_go_to_stdout_and_the_report_beside_them(tmp_path: Path) -> None:
    result = run("cycle", price_file(tmp_path, "a"), "--out", "-")

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert "Cycle 1, " in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--every", "soon"], "--every: must be a time above 0, as 10s, 5m or 1h"),
        (["--every", "0s"], "--every: must be a time above 0"),
        (["--cycles", "2"], "--cycles: needs --every"),
        (["--out", "bands.xlsx"], "bands are written to .parquet"),
        (["--out", "absent/bands.csv"], "absent/bands.csv cannot be written"),
        (["--watchlist", "absent.txt"], "absent.txt cannot be read"),
        (["--freq", "soon"], "freq: must look like 5m"),
        (["--where", "core"], "markets cannot be chosen by core"),
    ],
)
def test_a_wrong_option_is_one_error(
    tmp_path: Path, options: list[str], told: str
) -> None:
    result = run("cycle", price_file(tmp_path, "a"), *options)

    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_pipe_cannot_be_read_twice() -> None:
    result = run("cycle", "-", "--every", "5m", piped="{}")

    assert result.exit_code == ExitCode.USAGE
    assert "error: --every: cannot read a pipe twice" in result.stderr


def test_no_market_with_bands_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "series.parquet"
    prices("a").with_columns(price=pl.lit(7.0)).write_parquet(path)

    result = run("cycle", path)

    assert result.exit_code == ExitCode.USAGE
    assert "error: no market could be answered: price: must lie in" in result.stderr


@pytest.mark.skipif(
    not (SHARED / "data" / "prices.parquet").is_file(),
    reason="the recorded markets are not here (TSFM_SHARED names their folder)",
)
def test_recorded_markets_are_ranked_and_forecast(tmp_path: Path) -> None:
    out = tmp_path / "bands.parquet"

    result = run("cycle", SHARED / "data", "--top", 200, "--out", out, "--json")

    [cycle] = documents(result)
    assert (cycle["markets_ranked"], cycle["markets"]) == (200, 200)
    assert cycle["markets_seen"] > 6_000
    bands = pl.read_parquet(out)
    assert bands["q0.1"].is_between(0, 1).all()
    assert bands.select((pl.col("q0.1") <= pl.col("q0.9")).all()).item()
    assert math.isfinite(bands["q0.5"].sum())
