"""The command ``simulate`` writes whole tables, the same for the same seed."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from tsfm_runner.cli.app import app
from tsfm_runner.testing.markets import PRIORS

SMALL = ["simulate", "--markets", "6", "--steps", "40", "--freq", "1h", "--seed", "5"]


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_both_tables_are_written(tmp_path: Path, file_format: str) -> None:
    options = ["--out", str(tmp_path), "--format", file_format]

    result = CliRunner().invoke(app, [*SMALL, *options])

    assert result.exit_code == 0, result.output
    read = pl.read_parquet if file_format == "parquet" else pl.read_csv
    assert read(tmp_path / f"markets.{file_format}").height == 6
    prices = read(tmp_path / f"prices.{file_format}")
    assert prices.height == 6 * 40
    assert prices["price"].is_between(0, 1).all()


def test_nothing_but_the_tables_stays_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"

    CliRunner().invoke(app, [*SMALL, "--out", str(folder)])

    names = sorted(path.name for path in folder.iterdir())
    assert names == ["markets.parquet", "prices.parquet"]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        CliRunner().invoke(
            app, [*SMALL, "--format", "csv", "--out", str(tmp_path / name)]
        )

    for table in ("markets.csv", "prices.csv"):
        one, two = (tmp_path / name / table for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_the_json_summary_counts_every_market(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*SMALL, "--json", "--out", str(tmp_path)])

    summary = json.loads(result.stdout)
    assert summary["n_markets"] == 6
    assert summary["n_points"] == 240
    assert sum(row["markets"] for row in summary["categories"]) == 6
    assert Path(summary["prices"]).is_file()


def test_the_table_names_the_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, [*SMALL, "--out", str(tmp_path)], env={"COLUMNS": "200"}
    )

    assert "240 prices in" in result.stdout
    assert "share moving" in result.stdout


def test_markets_come_from_the_venues_unless_a_prior_is_named(tmp_path: Path) -> None:
    named = {
        "usual": [],
        "venues": ["--prior", "venues"],
        "broad": ["--prior", "broad"],
    }
    for name, options in named.items():
        CliRunner().invoke(app, [*SMALL, *options, "--out", str(tmp_path / name)])

    usual, venues, broad = (
        pl.read_parquet(tmp_path / name / "prices.parquet")["price"] for name in named
    )
    assert usual.equals(venues)
    assert not usual.equals(broad)


def test_a_prior_of_no_name_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["simulate", "--prior", "narrow", "--out", str(tmp_path / "out")]
    )

    assert result.exit_code == 2
    assert all(f"'{name}'" in result.stderr for name in PRIORS)
    assert not (tmp_path / "out").exists()


def test_the_last_price_stands_at_the_end(tmp_path: Path) -> None:
    CliRunner().invoke(
        app, [*SMALL, "--end", "2026-03-05T12:00", "--out", str(tmp_path)]
    )

    last = pl.read_parquet(tmp_path / "prices.parquet")["ts"].dt.to_string().max()
    assert str(last).startswith("2026-03-05 12:00")


def test_the_default_end_that_help_shows_is_accepted(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "200"})
    end = shown.stdout.partition("[default: 2026")[2].partition("]")[0]

    result = CliRunner().invoke(
        app, [*SMALL, "--end", f"2026{end}", "--out", str(tmp_path)]
    )

    assert result.exit_code == 0, result.output
    last = pl.read_parquet(tmp_path / "prices.parquet")["ts"].dt.to_string().max()
    assert str(last).startswith("2026-01-01 00:00")


def test_a_frequency_that_makes_no_sense_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["simulate", "--freq", "soon", "--out", str(tmp_path / "out")]
    )

    assert result.exit_code == 2
    assert "freq" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")

    result = CliRunner().invoke(app, [*SMALL, "--out", str(tmp_path / "taken")])

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
