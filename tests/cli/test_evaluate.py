"""``evaluate``: one command, and the files of a study are there."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.files.recordings import listed, recorded_prices, written
from tests.cli.command_line import run
from tests.cli.cycle_inputs import runtime_beside
from tests.evaluation.recordings import make_markets
from tests.evaluation.studies import table_of

from tsfm_runner.adapters.process_lock import ProcessLock
from tsfm_runner.adapters.verdict_file import read_verdict
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.evaluation.schema import validated
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions

QUICK = ("--horizon", 1, "--quantiles", "0.1,0.5,0.9", "--jobs", 1, "--model", "ewma")
FILES = ["report.html", "run.json", "scores.json", "scores.parquet"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".work")


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.parquet"
    table_of(make_markets(4, n_points=40)).write_parquet(path)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_simulated_markets_are_studied_with_one_command(
    tmp_path: Path, out: Path
) -> None:
    run("simulate", "--out", tmp_path / "data", "--markets", 6, "--steps", 60)

    result = run("evaluate", tmp_path / "data", *QUICK, "--out", out)

    assert (result.exit_code, result.stderr) == (ExitCode.OK, "")
    assert names_in(out) == FILES
    for name in FILES:
        assert f"  {out / name}\n" in result.stdout
    assert re.search(r"354 origins in \d+ s, at most [\d,]+ MB", result.stdout)
    assert "No verdict: it takes a model and a baseline to comp" in result.stdout
    document = json.loads((out / "scores.json").read_text())
    assert validated(document)["manifest"]["data"]["n_markets"] == 6
    assert json.loads((out / "run.json").read_text())["n_origins"] == 354
    assert "ewma/calibrated" in (out / "report.html").read_text()
    assert pl.read_parquet(out / "scores.parquet")["market_id"].n_unique() == 6


def test_what_it_did_is_not_kept_once_it_is_done(prices: Path, out: Path) -> None:
    run("evaluate", prices, *QUICK, "--out", out)

    assert [path for path in (out / ".work").rglob("*") if path.suffix != ""] == []


def test_json_is_the_document_and_what_it_took(prices: Path, out: Path) -> None:
    result = run("evaluate", prices, *QUICK, "--out", out, "--json")

    told = json.loads(result.stdout)
    timing = told.pop("timing")
    assert told == json.loads((out / "scores.json").read_text())
    assert timing.keys() == {"elapsed_s", "n_origins", "peak_memory_mb"}


def test_bands_are_written_where_they_are_asked_for(prices: Path, out: Path) -> None:
    result = run("evaluate", prices, *QUICK, "--out", out, "--bands")

    bands = pl.read_parquet(out / "bands.parquet")
    assert f"  {out / 'bands.parquet'}\n" in result.stdout
    assert bands.columns == [
        *("entry", "freq", "market_id", "cutoff", "step", "y", "is_scored"),
        *("q0.1", "q0.5", "q0.9"),
    ]
    assert bands.schema["q0.1"] == pl.Float32
    assert bands.height == 2 * 4 * 39
    assert bands["y"].null_count() == 2 * 4


def test_the_same_study_gives_the_same_bytes(tmp_path: Path, prices: Path) -> None:
    table = pl.read_parquet(prices)
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    table.sample(fraction=1, shuffle=True, seed=1).write_parquet(
        shuffled / "prices.parquet"
    )
    ways: list[tuple[Path, int]] = [
        (prices, 1),
        (prices, 2),
        (shuffled / prices.name, 1),
    ]

    found = []
    for number, (source, jobs) in enumerate(ways):
        out = tmp_path / str(number)
        result = run(
            "evaluate", source, *QUICK, "--jobs", jobs, "--out", out, "--bands"
        )
        assert result.exit_code == ExitCode.OK, result.output
        names = ("scores.json", "scores.parquet", "bands.parquet")
        found.append([(out / name).read_bytes() for name in names])

    assert found[0] == found[1]
    assert found[0] == found[2]


def test_a_market_that_cannot_be_used_costs_one_line_and_nothing_else(
    tmp_path: Path, out: Path
) -> None:
    good, bad = recorded_prices("a", "b"), recorded_prices("bad")
    spoiled = bad.with_columns(pl.lit(1.2).alias("price"))
    source = written(
        tmp_path / "data",
        prices=pl.concat([good, spoiled]),
        markets=listed("a", "b", "bad", "empty"),
    )

    result = run("evaluate", source, *QUICK, "--out", out)

    assert result.exit_code == ExitCode.PARTIAL
    for name, reason in (("bad", "must lie in [0, 1]"), ("empty", "there is none")):
        [line] = [one for one in result.output.splitlines() if name in one]
        assert reason in line
    document = json.loads((out / "scores.json").read_text())
    assert [one["market_id"] for one in document["skipped"]] == ["bad", "empty"]
    assert document["manifest"]["data"]["n_markets"] == 2


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--model", "baseline:foo"), ExitCode.USAGE, "must name one of"),
        (("--model", "nobody:foo"), ExitCode.USAGE, "before a colon"),
        (("--model", "ewma,baseline:ewma"), ExitCode.USAGE, "not name ewma twice"),
        (("--model", "foo"), ExitCode.CONFIGURATION, "nothing answers for foo"),
        (("--model", "ladder"), ExitCode.CONFIGURATION, "nothing answers for ladder"),
        (("--freq", "5x"), ExitCode.USAGE, "freq: must look like"),
        (("--horizon", 0), ExitCode.USAGE, "horizon: must lie between 1 and 288"),
        (("--quantiles", "0.1,0.9"), ExitCode.USAGE, "quantile_levels: must ascend"),
        (("--split", "cold"), ExitCode.USAGE, "the split cold leaves nothing to score"),
        (("--where", "nothing"), ExitCode.USAGE, "nothing"),
        (("--seed", -1), ExitCode.USAGE, "seed: must not be negative"),
    ],
)
def test_a_question_without_an_answer_is_told_in_one_line(
    prices: Path, out: Path, options: tuple[object, ...], code: ExitCode, told: str
) -> None:
    result = run("evaluate", prices, *QUICK, "--out", out, *options)

    assert result.exit_code == code, result.output
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert not out.exists() or names_in(out) == []


def test_another_study_in_the_same_folder_has_to_wait(prices: Path, out: Path) -> None:
    (out / ".work").mkdir(parents=True)
    lock = ProcessLock(out / ".work" / "lock")
    try:
        result = run("evaluate", prices, *QUICK, "--out", out)
    finally:
        lock.release()

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "is in use by" in result.stderr


def test_left_overs_of_a_killed_study_are_removed(prices: Path, out: Path) -> None:
    out.mkdir()
    (out / "scores.json.123.part").write_text("hal")
    (out / "download.part").write_text("of somebody else")

    run("evaluate", prices, *QUICK, "--out", out)

    assert names_in(out) == ["download.part", *FILES]


def test_a_model_of_a_runtime_gets_a_verdict(prices: Path, out: Path) -> None:
    with runtime_beside(FakeTollamaOptions()) as url:
        environ = {"TSFM_TOLLAMA__URL": url}
        options = ("--model", "tollama:mock,har")
        result = run(
            "evaluate", prices, *QUICK, *options, "--out", out, environ=environ
        )

    assert result.exit_code == ExitCode.OK, result.output
    verdict = read_verdict(out / "verdict.yaml")
    n_segments = len(verdict.segments)
    assert f"Verdict: proven in 0 of {n_segments} segments." in result.stdout
    assert (verdict.source, verdict.baselines) == ("evaluation", ("ewma", "har"))
    assert {one.key[:3] for one in verdict.segments} == {("mock", "main", 300)}
    document = json.loads((out / "scores.json").read_text())
    assert [tuple(one.values()) for one in document["fallbacks"]] == [
        ("mock/raw", "5m", "too_few_points", 4 * 30),
        ("mock/calibrated", "5m", "too_few_points", 4 * 30),
    ]
