"""Simulated markets come in the two tables that recorded ones come in."""

from datetime import timedelta

import polars as pl
import pytest
from tests.testing.markets.market_samples import END, sample

from tsfm_runner.testing.markets import to_frames
from tsfm_runner.testing.markets.frames import cadence_name


def test_every_price_has_its_row() -> None:
    markets = sample()

    _, prices = to_frames(markets)

    number = 5
    row = prices.filter(pl.col("market_id") == markets.listings[number].market_id)
    assert row["price"].to_list() == markets.prices[number].tolist()
    assert row["ts"].to_list() == list(markets.times)
    assert prices.height == markets.prices.size
    assert prices.schema["ts"] == pl.Datetime("ms", "UTC")


def test_prices_are_sorted_and_unique() -> None:
    _, prices = to_frames(sample())

    assert prices.select("market_id", "ts").is_unique().all()
    assert prices.equals(prices.sort("market_id", "ts"))


def test_venues_without_quotes_have_neither_bid_nor_ask() -> None:
    _, prices = to_frames(sample())

    is_missing = prices.select(pl.col("bid", "ask").is_null())
    assert is_missing["bid"].equals(is_missing["ask"].alias("bid"))
    assert 0 < is_missing["bid"].sum() < prices.height
    assert not prices.select(pl.col("bid", "ask").is_nan().any()).row(0)[0]


def test_facts_of_a_market_are_those_of_its_listing() -> None:
    markets = sample()

    table, _ = to_frames(markets)

    row, listing = table.row(3, named=True), markets.listings[3]
    assert row["market_id"] == listing.market_id
    assert row["event_id"] == row["split_group"] == listing.event_id
    assert row["end"] == listing.closes_at
    assert row["tick"] == listing.tick_size
    assert row["liquidity_bucket"] == listing.liquidity_bucket
    assert row["start"] == END - timedelta(minutes=5) * (len(markets.times) - 1)
    assert (row["source"], row["cadence"]) == ("simulated", "5m")


def test_only_long_lively_recordings_are_core() -> None:
    table, _ = to_frames(sample())
    short, _ = to_frames(sample(n_steps=20))
    daily, _ = to_frames(sample(step_s=86_400, n_markets=30))

    moves = table["frac_changes"] * (table["n_points"] - 1)
    assert table["core_intraday"].equals((moves.round() >= 10).alias("core_intraday"))
    assert 0 < table["core_intraday"].sum() < table.height
    assert not short["core_intraday"].any()
    assert not daily["core_intraday"].any()


@pytest.mark.parametrize(
    ("step_s", "name"),
    [
        (60, "1m"),
        (300, "5m"),
        (3_600, "1h"),
        (5_400, "90m"),
        (86_400, "1d"),
        (90, "90s"),
    ],
)
def test_a_cadence_is_named_by_its_largest_whole_unit(step_s: int, name: str) -> None:
    assert cadence_name(step_s) == name
