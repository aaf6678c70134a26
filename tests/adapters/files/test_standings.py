"""What speaks for a market comes from its table, its points, and written names."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tsfm_runner.adapters.files.points import canonical_points
from tsfm_runner.adapters.files.sources import MarketTable
from tsfm_runner.adapters.files.standings import (
    NamedMarkets,
    read_names,
    read_standings,
)
from tsfm_runner.domain.standing import MarketStanding
from tsfm_runner.errors import UnreadableInputError

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
LATER_S = (NOON + timedelta(days=30)).timestamp()


def points(**columns: list[Any]) -> pl.LazyFrame:
    """Return two points of ``a``, 20 hours apart, and one of ``b`` between them."""
    times = [NOON - timedelta(hours=age) for age in (20, 0, 10)]
    rows = {"market_id": ["a", "a", "b"], "ts": times, "price": [0.1, 0.2, 0.3]}
    return pl.LazyFrame({**rows, **columns})


def standings(
    table: pl.LazyFrame,
    markets: Mapping[str, object] | None = None,
    *,
    window_hours: float = 24,
    now_s: float = LATER_S,
) -> dict[str, MarketStanding]:
    listed = None if markets is None else pl.LazyFrame(dict(markets))
    source = MarketTable(canonical_points(table), {}, listed)
    return read_standings(source, window_hours=window_hours, now_s=now_s)


def test_without_any_column_nothing_is_known() -> None:
    found = standings(points())

    assert list(found) == ["a", "b"]
    assert math.isnan(found["a"].volume)
    assert math.isnan(found["a"].open_interest)


@pytest.mark.parametrize(
    ("window_hours", "expected"), [(24, [7.0, 4.0]), (12, [2.0, 4.0]), (5, [2.0, 0.0])]
)
def test_volume_is_what_was_traded_in_the_window(
    window_hours: float, expected: list[float]
) -> None:
    found = standings(points(volume=[5.0, 2.0, 4.0]), window_hours=window_hours)

    assert [each.volume for each in found.values()] == expected


def test_a_point_in_the_future_does_not_move_the_window_away() -> None:
    table = points(volume=[5.0, 2.0, 4.0])
    future = table.with_columns(
        ts=pl.when(pl.col("market_id") == "b")
        .then(pl.lit(NOON + timedelta(days=900)))
        .otherwise("ts")
    )

    found = standings(future, now_s=NOON.timestamp())

    assert found["a"].volume == 7.0


def test_a_market_whose_source_tells_no_volume_has_an_unknown_one() -> None:
    found = standings(points(volume=[math.nan, None, 4.0]))

    assert math.isnan(found["a"].volume)
    assert found["b"].volume == 4.0


def test_a_volume_that_cannot_be_read_costs_nothing_but_itself() -> None:
    found = standings(points(volume=["many", "2", "4"]))

    assert [each.volume for each in found.values()] == [2.0, 4.0]


def test_open_interest_is_the_last_that_is_known() -> None:
    found = standings(points(open_interest=[5.0, None, 4.0]))

    assert [each.open_interest for each in found.values()] == [5.0, 4.0]


def test_the_table_of_markets_says_it_first() -> None:
    markets = {
        "market_id": ["a", "b", "absent"],
        "watchlist": [True, None, True],
        "alert_candidate": [False, True, True],
        "volume": [90.0, math.nan, 1.0],
        "open_interest": [8, None, 1],
    }

    found = standings(points(volume=[5.0, 2.0, 4.0]), markets)

    assert found == {
        "a": MarketStanding(is_watched=True, volume=90.0, open_interest=8.0),
        "b": found["b"],
    }
    assert (found["b"].is_watched, found["b"].is_alert_candidate) == (False, True)
    assert found["b"].volume == 4.0


def test_the_volume_of_a_day_goes_before_that_of_all_time() -> None:
    markets = {"market_id": ["a"], "volume": [9e9], "volume_24h": [70.0]}

    assert standings(points(), markets)["a"].volume == 70.0


def test_a_watchlist_that_is_not_true_or_false_is_an_error() -> None:
    with pytest.raises(UnreadableInputError, match="watchlist is no column of true"):
        standings(points(), {"market_id": ["a"], "watchlist": ["perhaps"]})


def test_names_are_read_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "watch.txt"
    path.write_text("# ours\n a \n\nb c\n", encoding="utf-8")

    assert read_names(path) == {"a", "b c"}
    assert read_names(None) == frozenset()


def test_a_file_of_names_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match=r"watch\.txt cannot be read"):
        read_names(tmp_path / "watch.txt")


def test_written_names_are_added_to_what_a_table_says() -> None:
    named = NamedMarkets(frozenset({"a"}), frozenset({"b"}))

    watched = named.mark("a", MarketStanding(is_alert_candidate=True, volume=3.0))

    assert watched == MarketStanding(True, True, 3.0, watched.open_interest)
    assert named.mark("b", MarketStanding()).is_alert_candidate
    assert not named.mark("c", MarketStanding()).is_watched
