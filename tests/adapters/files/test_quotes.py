import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.adapters.files.points import canonical_points
from tsfm_runner.adapters.files.quotes import price_quotes
from tsfm_runner.config import PreparationConfig
from tsfm_runner.errors import UnreadableInputError

Row = tuple[float, float | None, float | None, float | None]


def priced(
    rows: list[Row], *, market_id: str = "m", **fields: float
) -> list[tuple[object, object]]:
    quotes = pl.DataFrame(
        rows,
        schema=dict.fromkeys(("time_s", "bid", "ask", "last"), pl.Float64),
        orient="row",
    ).with_columns(market_id=pl.lit(market_id))
    config = PreparationConfig.model_validate(fields)
    return price_quotes(quotes, config).select("price", "y_definition").rows()


def test_the_mid_of_close_quotes_comes_first() -> None:
    assert priced([(0, 0.40, 0.44, 0.10)]) == [(pytest.approx(0.42), "mid")]


@pytest.mark.parametrize(
    ("bid", "ask"), [(0.3, 0.6), (None, 0.44), (0.4, None), (0.5, 0.4)]
)
def test_without_close_quotes_the_last_trade_counts(
    bid: float | None, ask: float | None
) -> None:
    assert priced([(0, bid, ask, 0.43)]) == [(0.43, "last")]


def test_a_trade_counts_for_a_quarter_of_an_hour() -> None:
    rows: list[Row] = [
        (0, None, None, 0.4),
        (900, None, None, None),
        (901, None, None, None),
    ]

    assert priced(rows) == [(0.4, "last"), (0.4, "last"), (None, None)]


def test_how_far_and_how_old_are_settings() -> None:
    rows: list[Row] = [(0, 0.4, 0.44, 0.1), (120, None, None, None)]

    assert priced(rows, max_spread=0.01) == [(0.1, "last"), (0.1, "last")]
    assert priced(rows, max_trade_age_minutes=1)[1] == (None, None)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 5_000).map(float),
            *[st.none() | st.floats(0, 1)] * 3,
        ),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[0],
    )
)
def test_prices_agree_with_a_walk_through_time(rows: list[Row]) -> None:
    expected: dict[float, tuple[object, object]] = {}
    trade: tuple[float, float] | None = None
    for time_s, bid, ask, last in sorted(rows):
        trade = (time_s, last) if last is not None else trade
        if bid is not None and ask is not None and -1e-9 <= ask - bid <= 0.2 + 1e-9:
            expected[time_s] = (pytest.approx((bid + ask) / 2), "mid")
        elif trade is not None and time_s - trade[0] <= 900:
            expected[time_s] = (trade[1], "last")
        else:
            expected[time_s] = (None, None)

    assert priced(rows) == [expected[row[0]] for row in rows]


def test_no_trade_of_one_market_counts_for_another() -> None:
    table = pl.LazyFrame(
        {"market_id": ["a", "b"], "ts": [0, 60], "last": [0.4, None]},
        schema_overrides={"last": pl.Float64},
    )

    points = canonical_points(table)

    assert points["price"].to_list() == [0.4, None]
    assert points["y_definition"].to_list() == ["last", None]


def test_a_table_of_quotes_as_text_is_read() -> None:
    table = pl.LazyFrame(
        {"unique_id": ["a"], "ds": ["60"], "bid": ["0.4"], "ask": ["0.42"]}
    )

    [row] = canonical_points(table).rows(named=True)

    assert row["price"] == pytest.approx(0.41)
    assert (row["y_definition"], row["fault"]) == ("mid", None)


def test_a_quote_that_is_no_number_is_named() -> None:
    table = pl.LazyFrame({"market_id": ["a"], "ts": ["60"], "last": ["much"]})

    [row] = canonical_points(table).rows(named=True)

    assert row["fault"] == "price: must be a number"
    assert row["found"] == "row 1: much"


def test_a_price_of_its_own_is_taken_as_it_stands() -> None:
    table = pl.LazyFrame(
        {"market_id": ["a"], "ts": [60], "price": [0.3], "last": [0.9]}
    )

    [row] = canonical_points(table).rows(named=True)

    assert (row["price"], row["y_definition"]) == (0.3, "price")


def test_a_table_without_price_and_quotes_is_refused() -> None:
    table = pl.LazyFrame({"market_id": ["a"], "ts": [60], "bid": [0.3]})

    with pytest.raises(UnreadableInputError, match="needs a column price or y"):
        canonical_points(table)
