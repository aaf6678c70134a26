"""One table splits into its markets, each whole and in order of time."""

import math

import polars as pl

from tsfm_runner.adapters.files.series import (
    KnownMarket,
    MarketSeries,
    SkippedMarket,
    split_markets,
)

SCHEMA = {
    "market_id": pl.String,
    "time_s": pl.Float64,
    "price": pl.Float64,
    "fault": pl.String,
    "found": pl.String,
}
Row = tuple[str, float | None, float | None, str | None]


def _table(*rows: Row) -> pl.DataFrame:
    """Return points; where there is a fault, its market's name is what was found."""
    whole = [(*row, row[0] if row[3] else None) for row in rows]
    points = pl.DataFrame(whole, schema=SCHEMA, orient="row")
    return points.with_columns(y_definition=pl.lit("price"))


def test_rows_may_come_in_any_order() -> None:
    table = _table(
        ("b", 2.0, 0.4, None),
        ("a", 3.0, 0.3, None),
        ("b", 1.0, 0.5, None),
        ("a", 1.0, 0.1, None),
    )

    first, second = split_markets(table)

    assert isinstance(first, MarketSeries)
    assert isinstance(second, MarketSeries)
    assert (first.market_id, second.market_id) == ("a", "b")
    assert first.times_s.tolist() == [1.0, 3.0]
    assert first.prices.tolist() == [0.1, 0.3]
    assert second.prices.tolist() == [0.5, 0.4]


def test_a_missing_price_is_nan() -> None:
    (series,) = split_markets(_table(("a", 1.0, None, None), ("a", 2.0, 0.5, None)))

    assert isinstance(series, MarketSeries)
    assert math.isnan(series.prices[0])
    assert series.prices[1] == 0.5


def test_a_fault_costs_its_market_and_no_other() -> None:
    table = _table(
        ("a", 1.0, 0.1, None),
        ("a", None, 0.1, "no time"),
        ("b", 1.0, 0.2, None),
    )

    first, second = split_markets(table)

    assert first == SkippedMarket("a", "no time", "a")
    assert first.told == "no time (a)"
    assert isinstance(second, MarketSeries)
    assert second.prices.tolist() == [0.2]


def test_what_is_known_goes_with_its_market() -> None:
    known = {"a": KnownMarket(cadence_s=60.0)}

    first, second = split_markets(
        _table(("a", 1.0, 0.1, None), ("b", 1.0, 0.2, None)), known
    )

    assert isinstance(first, MarketSeries)
    assert isinstance(second, MarketSeries)
    assert first.known.cadence_s == 60.0
    assert second.known == KnownMarket()


def test_an_empty_table_has_no_markets() -> None:
    assert list(split_markets(_table())) == []
