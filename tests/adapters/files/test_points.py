"""Any table of prices comes to one shape; a bad cell costs one market."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import polars as pl
import pytest

from tsfm_runner.adapters.files.points import canonical_points
from tsfm_runner.errors import UnreadableInputError

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()


def _points(**columns: Sequence[object] | pl.Series) -> pl.DataFrame:
    return canonical_points(pl.LazyFrame(columns))


@pytest.mark.parametrize("market", ["market_id", "unique_id"])
@pytest.mark.parametrize("moment", ["ts", "ds"])
@pytest.mark.parametrize("price", ["price", "y"])
def test_columns_go_by_either_name(market: str, moment: str, price: str) -> None:
    columns: dict[str, list[object]] = {
        market: ["a"],
        moment: [NOON],
        price: [0.5],
        "question": [3],
    }

    points = _points(**columns)

    assert points.rows() == [("a", NOON_S, 0.5, "price", None, None)]


def test_volume_and_open_interest_stand_last_and_fault_nothing() -> None:
    points = _points(
        market_id=["a", "a"],
        ts=[NOON, NOON],
        price=[0.5, 0.5],
        open_interest=["7", "much"],
        volume=[3, None],
    )

    assert points.select("fault", "volume", "open_interest").rows() == [
        (None, 3.0, 7.0),
        (None, None, None),
    ]


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        NOON.replace(tzinfo=None),
        int(NOON_S),
        NOON_S,
        int(NOON_S) * 10**3,
        int(NOON_S) * 10**6,
        int(NOON_S) * 10**9,
        str(int(NOON_S)),
        "2026-02-20T12:00:00Z",
        "2026-02-20T13:00:00+01:00",
        "2026-02-20 12:00:00",
        "2026-02-20 12:00",
        " 2026-02-20T12:00:00.000Z ",
        "2026-02-20t12:00:00z",
        "2026-02-20T13:00:00+0100",
    ],
)
def test_a_time_may_be_written_in_many_ways(moment: object) -> None:
    points = _points(market_id=["a"], ts=[moment], price=[0.5])

    assert points["time_s"].to_list() == [NOON_S]


def test_a_date_is_its_midnight_in_utc() -> None:
    points = _points(market_id=["a", "a"], ts=[date(2026, 2, 20), None], price=[0, 1])

    assert points["time_s"].to_list() == [NOON_S - 43_200, None]


def test_a_market_may_be_named_by_a_number() -> None:
    points = _points(market_id=[7], ts=[NOON], price=[0.5])

    assert points["market_id"].to_list() == ["7"]


@pytest.mark.parametrize("word", ["", "NA", "nan", "NULL", " none ", "n/a", None])
def test_a_word_for_nothing_is_a_missing_price(word: str | None) -> None:
    points = _points(market_id=["a", "a"], ts=[NOON, NOON], price=[word, "0.25"])

    missing, known = points["price"].to_list()
    assert missing is None or math.isnan(missing)
    assert known == 0.25
    assert points["fault"].to_list() == [None, None]


def test_single_precision_gets_its_decimals_back() -> None:
    prices = pl.Series([0.1, 0.0005, 0.123456, None], dtype=pl.Float32)

    points = _points(market_id=["a"] * 4, ts=[NOON] * 4, price=prices)

    assert points["price"].to_list() == [0.1, 0.0005, 0.123456, None]


def test_a_bad_cell_is_a_fault_of_its_row_alone() -> None:
    points = _points(
        market_id=["a", "b", "c"],
        ts=["2026-02-20T12:00:00Z", "2026-02-20T12:00:00Z", "yesterday"],
        price=["0.5", "half" * 20, "0.5"],
    )

    assert points["fault"].to_list() == [
        None,
        "price: must be a number",
        "ts: must be an ISO 8601 time, as 2026-02-20T12:00Z",
    ]
    assert points["found"].to_list() == [
        None,
        f"row 2: {'half' * 10}",
        "row 3: yesterday",
    ]


@pytest.mark.parametrize(
    "text", ["03/04/2026", "2026/03/04", "04-03-2026", "2026-02-30", "12:00"]
)
def test_the_order_of_day_and_month_is_never_guessed(text: str) -> None:
    points = _points(
        market_id=["a", "a"], ts=[text, "2026-02-20T12:00:00Z"], price=[0.1, 0.2]
    )

    assert points["time_s"].to_list() == [None, NOON_S]
    assert points["found"].to_list() == [f"row 1: {text}", None]


def test_one_column_may_write_times_in_several_ways() -> None:
    times = ["2026-02-20T12:00:00Z", "2026-02-20 12:00", "2026-02-20T13:00:00.5+01:00"]

    points = _points(market_id=["a"] * 3, ts=times, price=[0.1] * 3)

    assert points["time_s"].to_list() == [NOON_S, NOON_S, NOON_S + 0.5]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_named(separator: str) -> None:
    with pytest.raises(UnreadableInputError, match=r"separator .* must be a comma"):
        _points(**{separator.join(["market_id", "ts", "price"]): ["a"]})


@pytest.mark.parametrize("absent", ["market_id", "ts", "price"])
def test_a_missing_column_is_named_with_those_there_are(absent: str) -> None:
    columns: dict[str, list[object]] = {
        "market_id": ["a"],
        "ts": [NOON],
        "price": [0.5],
        "extra": [1],
    }
    del columns[absent]

    with pytest.raises(UnreadableInputError, match=rf"column {absent} or .*extra"):
        _points(**columns)


@pytest.mark.parametrize(
    ("column", "value"), [("market_id", ["a"]), ("ts", [1]), ("ts", time(12))]
)
def test_a_column_that_holds_no_such_thing_is_refused(
    column: str, value: object
) -> None:
    row: dict[str, object] = {"market_id": "a", "ts": NOON, "price": 0.5}
    columns = {name: [held] for name, held in (row | {column: value}).items()}

    with pytest.raises(UnreadableInputError, match="the table cannot be read"):
        _points(**columns)
