"""Bands are written whole or not at all, a row a market and step."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.files.served import served

from tsfm_runner.adapters.files.bands import (
    bands_frame,
    open_bands,
    write_bands_lines,
)
from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.errors import UnreadableInputError

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": pl.read_csv,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
}


def test_a_band_is_a_row_for_each_step() -> None:
    answer = served(
        "rain",
        fallback_reason=FallbackReason.TOO_FEW_POINTS,
        warnings=("widened", "crossing"),
    )

    frame = bands_frame([answer])

    assert frame.rows(named=True)[1] == {
        "market_id": "rain",
        "as_of_ts": datetime(2026, 2, 20, 12, tzinfo=UTC),
        "step": 2,
        "ts": datetime(2026, 2, 20, 12, 10, tzinfo=UTC),
        "q0.1": pytest.approx(0.484),
        "q0.5": pytest.approx(0.5),
        "q0.9": pytest.approx(0.516),
        "runtime": "baseline",
        "model_name": "ewma",
        "fallback_reason": "too_few_points",
        "warnings": ["widened", "crossing"],
        "y_definition": None,
    }


def test_markets_may_have_other_horizons_and_levels() -> None:
    answers = [
        served("a", horizon=1, levels=(0.5,)),
        served("b", horizon=3, levels=(0.05, 0.5)),
        served("c", horizon=2, levels=(0.5,)),
    ]

    frame = bands_frame(answers)

    lengths = dict(frame.group_by("market_id").len().iter_rows())
    assert lengths == {"a": 1, "b": 3, "c": 2}
    assert frame.columns[4:6] == ["q0.05", "q0.5"]
    by_market = frame.group_by("market_id").agg(pl.col("q0.05").null_count())
    assert dict(by_market.iter_rows()) == {"a": 1, "b": 0, "c": 2}


def test_no_answers_are_an_empty_table_with_its_columns() -> None:
    frame = bands_frame([])

    assert frame.is_empty()
    assert frame.columns[:4] == ["market_id", "as_of_ts", "step", "ts"]


@pytest.mark.parametrize("suffix", READERS)
def test_every_format_holds_the_same_bands(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bands{suffix}"
    frames = [
        bands_frame([served("a", warnings=("widened", "crossing"))]),
        bands_frame([served("b", levels=(0.05, 0.5))]),
    ]

    with open_bands(path) as sink:
        for frame in frames:
            sink(frame)

    written = READERS[suffix](path)
    assert written["market_id"].to_list() == ["a", "a", "b", "b"]
    assert written["step"].to_list() == [1, 2, 1, 2]
    assert written.columns[4:8] == ["q0.05", "q0.1", "q0.5", "q0.9"]
    assert written["q0.05"].to_list()[2:] == pytest.approx([0.491, 0.482])
    if suffix != ".parquet":
        assert written["ts"][0] == "2026-02-20T12:05:00Z"
    warnings = written["warnings"].to_list()[0]
    assert warnings == (
        "widened; crossing" if suffix == ".csv" else ["widened", "crossing"]
    )


def test_a_run_without_bands_still_writes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "bands.parquet"

    with open_bands(path):
        pass

    assert pl.read_parquet(path).is_empty()


def test_a_run_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "bands.csv"
    path.write_text("old", encoding="utf-8")

    def fail_midway() -> None:
        with open_bands(path) as sink:
            sink(bands_frame([served("a")]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_midway()

    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["bands.csv"]


def test_another_ending_is_refused_before_any_work(tmp_path: Path) -> None:
    with (
        pytest.raises(UnreadableInputError, match=r"\.parquet, \.csv, \.jsonl"),
        open_bands(tmp_path / "bands.xlsx"),
    ):
        pass


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UnreadableInputError, match="cannot be written: No such file"),
        open_bands(tmp_path / "absent" / "bands.csv"),
    ):
        pass


def test_lines_are_one_json_object_each() -> None:
    stream = io.StringIO()

    write_bands_lines(bands_frame([served("a")]), stream)

    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert rows[0]["as_of_ts"] == "2026-02-20T12:00:00Z"
    assert rows[0]["ts"] == "2026-02-20T12:05:00Z"
