"""Any file of markets becomes bands; what could not be forecast is told."""

import asyncio
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.cli.command_line import run
from typer.testing import Result

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
N_POINTS = 60
WALK = 0.5 + 0.2 * np.sin(np.arange(float(N_POINTS)))


def _prices(*market_ids: str) -> pl.DataFrame:
    """Return the points of some markets, five minutes apart, the last at noon."""
    start = NOON - timedelta(minutes=5 * (N_POINTS - 1))
    times = [start + timedelta(minutes=5 * i) for i in range(N_POINTS)]
    frames = [
        pl.DataFrame({"market_id": [name] * N_POINTS, "ts": times, "price": WALK})
        for name in market_ids
    ]
    return pl.concat(frames)


def _file(folder: Path, *market_ids: str) -> Path:
    path = folder / "series.parquet"
    _prices(*market_ids).write_parquet(path)
    return path


def _request(market_id: str, **fields: object) -> dict[str, object]:
    return {
        "market_id": market_id,
        "as_of_ts": "2026-02-20T12:00:00Z",
        "y": WALK.tolist(),
        **fields,
    }


def _document(result: Result, code: ExitCode = ExitCode.OK) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def _bands(result: Result, code: ExitCode = ExitCode.OK) -> pl.DataFrame:
    return pl.DataFrame(_document(result, code)["bands"])


def test_bands_of_a_file_are_written_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "bands.parquet"

    result = run("forecast", _file(tmp_path, "a", "b"), "--out", out)

    bands = pl.read_parquet(out)
    assert result.exit_code == ExitCode.OK, result.output
    assert bands["market_id"].to_list() == ["a"] * 12 + ["b"] * 12
    assert bands["ts"][0] == NOON + timedelta(minutes=5)
    assert "markets with bands   2" in result.stdout
    assert "2  baseline:ewma" in result.stdout


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_nixtla_files_and_ours_give_the_same_bands(tmp_path: Path, suffix: str) -> None:
    names = {"market_id": "unique_id", "ts": "ds", "price": "y"}
    nixtla = tmp_path / f"nixtla{suffix}"
    frame = _prices("a").rename(names)
    if suffix == ".csv":
        frame.write_csv(nixtla)
    else:
        frame.write_parquet(nixtla)

    bands = _bands(run("forecast", nixtla, "--json"))

    assert bands.equals(_bands(run("forecast", _file(tmp_path, "a"), "--json")))


def test_options_say_what_is_asked(tmp_path: Path) -> None:
    result = run(
        *("forecast", _file(tmp_path, "a"), "--json", "--freq", "15m", "--horizon", 3),
        *("--quantiles", "0.95,0.05", "--method", "har", "--as-of", "2026-02-20T11:00"),
    )

    bands = _bands(result)
    assert bands["step"].to_list() == [1, 2, 3]
    assert [name for name in bands.columns if name.startswith("q")] == [
        "q0.05",
        "q0.95",
    ]
    assert bands["as_of_ts"].unique().to_list() == ["2026-02-20T11:00:00Z"]
    assert bands["ts"][0] == "2026-02-20T11:15:00Z"
    assert bands["model_name"].unique().to_list() == ["har"]


def test_native_frequency_is_each_market_s_own(tmp_path: Path) -> None:
    path = tmp_path / "series.parquet"
    hourly = _prices("hourly").with_columns(
        ts=NOON + pl.duration(hours=pl.int_range(1 - N_POINTS, 1))
    )
    pl.concat([_prices("five"), hourly], how="vertical_relaxed").write_parquet(path)

    bands = _bands(run("forecast", path, "--freq", "native", "--horizon", 1, "--json"))

    assert bands["ts"].to_list() == [
        "2026-02-20T12:05:00Z",
        "2026-02-20T13:00:00Z",
    ]


def test_a_folder_may_be_narrowed_to_some_markets(tmp_path: Path) -> None:
    _prices("a", "b", "c").write_parquet(tmp_path / "prices.parquet")
    markets = pl.DataFrame({"market_id": ["a", "b", "c"], "core": [False, True, True]})
    markets.write_parquet(tmp_path / "markets.parquet")

    core = _bands(run("forecast", tmp_path, "--where", "core", "--json"))
    first = _bands(run("forecast", tmp_path, "--where", "core", "--limit", 1, "--json"))

    assert core["market_id"].unique(maintain_order=True).to_list() == ["b", "c"]
    assert first["market_id"].unique().to_list() == ["b"]


def test_a_faulty_market_is_skipped_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "series.parquet"
    wrong = _prices("wrong").with_columns(price=pl.lit(7.0))
    single = _prices("single").tail(1)
    pl.concat([_prices("a"), wrong, single]).write_parquet(path)

    document = _document(run("forecast", path, "--json"), ExitCode.PARTIAL)
    table = run("forecast", path)

    assert document["markets"] == 1
    assert document["skipped"] == [
        {"market_id": "single", "reason": "price: must have at least 2 points"},
        {
            "market_id": "wrong",
            "reason": "price: must lie in [0, 1]; divide percent or cents by 100 "
            "(found 7)",
        },
    ]
    assert table.exit_code == ExitCode.PARTIAL
    assert "markets skipped      2" in table.stdout
    assert "1  price: must lie in [0, 1]; divide" in table.stdout


def test_the_first_markets_of_each_reason_are_named(tmp_path: Path) -> None:
    path = tmp_path / "series.parquet"
    names = [f"wrong-{number}" for number in range(5)]
    wrong = _prices(*names).with_columns(price=pl.lit(7.0))
    pl.concat([_prices("a"), wrong]).write_parquet(path)

    table = run("forecast", path)
    document = _document(run("forecast", path, "--json"), ExitCode.PARTIAL)

    assert "5  price: must lie in [0, 1]" in table.stdout
    assert "wrong-0, wrong-1 and 3 more" in table.stdout
    assert [market["market_id"] for market in document["skipped"]] == names


def test_a_step_far_shorter_than_the_data_is_told_with_a_way_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "series.parquet"
    daily = _prices("daily").with_columns(
        ts=NOON + pl.duration(days=pl.int_range(1 - N_POINTS, 1))
    )
    pl.concat([_prices("five"), daily], how="vertical_relaxed").write_parquet(path)

    table = run("forecast", path)
    document = _document(run("forecast", path, "--json"))
    native = run("forecast", path, "--freq", "native")

    assert document["points_too_far_apart"] == ["daily"]
    assert "1  points more than two steps apart; try --freq native" in table.stdout
    assert "two steps apart" not in native.stdout


def test_nothing_to_answer_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_text("market_id,ts,price\n", encoding="utf-8")

    result = run("forecast", path)

    assert result.exit_code == ExitCode.USAGE
    assert f"error: {path} holds no rows" in result.stderr


def test_no_market_with_bands_is_an_error_that_points_at_the_reasons(
    tmp_path: Path,
) -> None:
    path = tmp_path / "series.csv"
    _prices("a").with_columns(price=pl.lit(7.0)).write_csv(path)

    result = run("forecast", path)

    assert result.exit_code == ExitCode.USAGE
    assert "1  price: must lie in [0, 1]" in result.stdout
    assert "error: no market could be answered" in result.stderr


def test_a_list_without_requests_is_an_error() -> None:
    result = run("forecast", "-", piped="[]")

    assert result.exit_code == ExitCode.USAGE
    assert "error: - holds no requests" in result.stderr


@pytest.mark.parametrize("name", ["requests.json", "requests.jsonl"])
def test_requests_ask_for_themselves_and_options_fill_the_rest(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    kalman = {"provider": "baseline", "model_name": "kalman"}
    requests = [
        _request("own", horizon_steps=2, model=kalman),
        _request("ours", quantiles=[0.2, 0.8]),
        _request("wrong", y=[0.5, 2.0]),
    ]
    if path.suffix == ".json":
        text = json.dumps({"requests": requests})
    else:
        text = "\n".join(map(json.dumps, requests))
    path.write_text(text, encoding="utf-8")

    result = run("forecast", path, "--horizon", 4, "--method", "har", "--json")

    bands = _bands(result, ExitCode.PARTIAL)
    answered = bands.group_by("market_id", maintain_order=True).agg(
        pl.len(), pl.col("model_name").first(), pl.col("q0.2").first().is_null()
    )
    assert answered.rows() == [("own", 2, "kalman", True), ("ours", 4, "har", False)]
    (skipped,) = _document(result, ExitCode.PARTIAL)["skipped"]
    assert skipped["market_id"] == "wrong"
    assert skipped["reason"].startswith("y.1: ")


def test_a_pipe_takes_requests_and_tables() -> None:
    parquet = io.BytesIO()
    _prices("a").write_parquet(parquet)
    inputs: list[str | bytes] = [
        json.dumps(_request("a")),
        _prices("a").write_csv(),
        parquet.getvalue(),
    ]

    first, *others = [
        _bands(run("forecast", "-", "--json", piped=piped)) for piped in inputs
    ]

    assert first["market_id"].unique().to_list() == ["a"]
    for bands in others:
        assert bands["q0.9"].to_list() == pytest.approx(first["q0.9"].to_list())


def test_bands_go_into_a_pipe_and_the_summary_beside_it(tmp_path: Path) -> None:
    result = run("forecast", _file(tmp_path, "a"), "--out", "-")

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert "markets with bands   1" in result.stderr


def test_without_a_file_the_last_steps_are_shown(tmp_path: Path) -> None:
    result = run("forecast", _file(tmp_path, "a"), "--quantiles", "0.1,0.25,0.5,0.9")

    assert "Bands at the last step" in result.stdout
    assert "2026-02-20 13:00" in result.stdout
    assert "q0.25" not in result.stdout
    assert "q0.9" in result.stdout


async def test_a_model_answers_and_is_named(tmp_path: Path) -> None:
    path = _file(tmp_path, "a", "b")

    async with running_fake_tollama(
        FakeTollamaOptions(), host="127.0.0.1", port=0
    ) as url:
        environ = {"TSFM_TOLLAMA__URL": url}
        by_default, by_name, absent = [
            await asyncio.to_thread(
                run, "forecast", path, *options, "--json", environ=environ
            )
            for options in ([], ["--model", "tollama:mock"], ["--model", "tide"])
        ]

    assert _document(by_default)["answered_by"] == {"tollama:chronos2": 2}
    assert _document(by_name)["answered_by"] == {"tollama:mock": 2}
    assert _document(absent)["answered_by"] == {"baseline:ewma": 2}
    assert _document(absent)["fallback_reasons"] != {}


def test_a_model_that_is_not_allowed_is_a_reason(tmp_path: Path) -> None:
    result = run(
        *("forecast", _file(tmp_path, "a"), "--model", "tollama:moirai-2.0-R-small"),
        "--json",
        environ={"TSFM_ENVIRONMENT": "prod"},
    )

    assert result.exit_code == ExitCode.USAGE
    (skipped,) = json.loads(result.stdout)["skipped"]
    assert "not allowed in prod" in skipped["reason"]


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "bands.svg"

    result = run("forecast", _file(tmp_path, "rain", "snow"), "--plot", picture)

    assert result.exit_code == ExitCode.OK, result.output
    svg = picture.read_text(encoding="utf-8")
    assert "rain" in svg
    assert "snow" in svg


def test_without_matplotlib_the_extra_is_named_before_any_work() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from tsfm_runner.cli import main; main()"
    )
    arguments = ["forecast", "absent.csv", "--plot", "bands.png"]

    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == ExitCode.CONFIGURATION
    assert "--plot needs matplotlib: pip install 'tsfm-runner[plot]'" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--freq", "soon"], "freq: must look like 5m"),
        (["--horizon", "0"], "horizon: must be between 1 and 288"),
        (["--quantiles", "low,high"], "quantiles: must be numbers between commas"),
        (["--quantiles", "0.5,0.5"], "quantile_levels: must be distinct"),
        (["--model", "oracle:delphi"], "--model: must be NAME or one of"),
        (["--model", "baseline:nope"], "--model: must name one of ewma, kalman"),
        (["--model", "x", "--method", "har"], "method: may not stand beside --model"),
        (["--as-of", "yesterday"], "as_of: must be an ISO 8601 time"),
        (["--where", "core"], "markets cannot be chosen by core"),
        (["--out", "bands.xlsx"], "bands are written to .parquet"),
        (["--plot", "bands.pdf"], "pictures are drawn to .png or .svg"),
    ],
)
def test_a_wrong_option_is_one_error(
    tmp_path: Path, options: list[str], told: str
) -> None:
    result = run("forecast", _file(tmp_path, "a"), *options)

    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--freq", "native"], "requests have no cadence"),
        (["--as-of", "2026-02-20"], "each request says its own as_of_ts"),
    ],
)
def test_requests_refuse_what_they_say_themselves(
    options: list[str], told: str
) -> None:
    result = run("forecast", "-", *options, piped=json.dumps(_request("a")))

    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr


def test_an_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = run("forecast", tmp_path / "absent.csv")

    assert result.exit_code == ExitCode.USAGE
    assert "absent.csv is no file and no folder" in result.stderr
