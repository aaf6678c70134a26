"""A folder, a table, documents or a pipe: the input says itself what it is."""

import io
import os
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from tsfm_runner.adapters.files.series import MarketSeries, split_markets
from tsfm_runner.adapters.files.sources import (
    MarketTable,
    RequestDocuments,
    open_bytes,
    open_path,
)
from tsfm_runner.adapters.files.tasks import Question, ask_each
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.errors import UnreadableInputError

SHARED = Path(
    os.environ.get("TSFM_SHARED", Path(__file__).parents[3].parent / "shared")
)
PRICES = pl.DataFrame(
    {
        "market_id": ["007", "007", "b", "b"],
        "ts": [datetime(2026, 2, 20, hour, tzinfo=UTC) for hour in (1, 2, 1, 2)],
        "price": [0.1, 0.2, 0.3, None],
    }
)
MARKETS = pl.DataFrame(
    {"market_id": ["007", "b"], "core": [True, False], "tick": [0.01, 0.001]}
)


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


def _table(source: MarketTable | RequestDocuments) -> MarketTable:
    assert isinstance(source, MarketTable)
    return source


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", ["", "prices"])
def test_a_folder_holds_prices_and_markets(
    tmp_path: Path, suffix: str, name: str
) -> None:
    _write(PRICES, tmp_path / f"prices{suffix}")
    _write(MARKETS, tmp_path / f"markets{suffix}")
    place = tmp_path / f"{name}{suffix}" if name else tmp_path

    table = _table(open_path(place))

    assert table.points["price"].to_list() == [0.1, 0.2, 0.3, None]
    assert table.known["007"].facts.tick_size == 0.01
    assert table.known["b"].facts.tick_size == 0.001


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_markets_are_chosen_by_a_column_that_is_true(
    tmp_path: Path, suffix: str
) -> None:
    _write(PRICES, tmp_path / f"prices{suffix}")
    _write(MARKETS, tmp_path / f"markets{suffix}")

    table = _table(open_path(tmp_path, where=["core"]))

    assert table.points["market_id"].unique().to_list() == ["007"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".CSV"])
def test_a_table_alone_knows_no_facts(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"series{suffix}"
    nixtla = PRICES.rename({"market_id": "unique_id", "ts": "ds", "price": "y"})
    if suffix == ".parquet":
        nixtla.write_parquet(path)
    else:
        nixtla.write_csv(path)

    table = _table(open_path(path))

    assert table.points.height == 4
    assert table.known == {}


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".ndjson"])
def test_documents_are_handed_on_as_they_are(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"requests{suffix}"
    path.write_bytes(b'{"market_id": "a"}')

    source = open_path(path)

    assert isinstance(source, RequestDocuments)
    assert source.content == b'{"market_id": "a"}'


def test_a_pipe_is_known_by_its_first_bytes() -> None:
    parquet, csv = io.BytesIO(), io.BytesIO()
    PRICES.write_parquet(parquet)
    PRICES.write_csv(csv)

    assert isinstance(open_bytes(b' \n{"requests": []}'), RequestDocuments)
    assert isinstance(open_bytes(b"[]"), RequestDocuments)
    assert _table(open_bytes(parquet.getvalue())).points.height == 4
    assert _table(open_bytes(csv.getvalue())).points.height == 4


def test_one_bad_cell_of_a_csv_costs_one_market(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_text(
        "market_id,ts,price\n"
        "a,2026-02-20T12:00:00Z,0.5\na,2026-02-20T12:05:00Z,half\n"
        "b,2026-02-20T12:00:00Z,0.5\nb,2026-02-20T12:05:00Z,\n",
        encoding="utf-8",
    )

    first, second = split_markets(_table(open_path(path)).points)

    assert not isinstance(first, MarketSeries)
    assert isinstance(second, MarketSeries)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.csv", None, "is no file and no folder"),
        ("series.xlsx", b"PK", "end in one of: .parquet, .csv, .json"),
        ("series.parquet", b"not parquet", "cannot be read"),
        ("series.csv", b"", "cannot be read"),
        ("series.csv", b"a,b\n1,2\n", "needs a column market_id or unique_id"),
    ],
)
def test_what_is_no_input_is_refused(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UnreadableInputError, match=told):
        open_path(path)


def test_a_folder_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match=r"holds no prices\.parquet or"):
        open_path(tmp_path)


def test_markets_cannot_be_chosen_where_there_is_no_table_of_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "prices.csv"
    _write(PRICES, path)

    with pytest.raises(UnreadableInputError, match="chosen by core"):
        open_path(path, where=["core"])
    with pytest.raises(UnreadableInputError, match="chosen by core"):
        open_bytes(path.read_bytes(), where=["core"])


@pytest.mark.skipif(
    not (SHARED / "data" / "prices.parquet").is_file(),
    reason="the recorded prices are not on this machine (TSFM_SHARED)",
)
def test_recorded_markets_become_tasks() -> None:
    table = _table(open_path(SHARED / "data", where=["core_intraday"]))

    markets = split_markets(table.points, table.known)
    question = Question.from_config(TaskConfig(freq="native"))
    tasks = list(islice(ask_each(markets, question), 50))

    assert len(table.known) > 3_000
    assert all(isinstance(task, ForecastTask) for task in tasks)
    ticks = {task.facts.tick_size for task in tasks if isinstance(task, ForecastTask)}
    assert ticks <= {None, 0.01, 0.005, 0.002, 0.001, 0.0005}
