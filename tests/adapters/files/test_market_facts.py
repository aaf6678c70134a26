"""What a table says of its markets becomes facts; what it leaves out stays unknown."""

from datetime import UTC, datetime

import polars as pl
import pytest

from tsfm_runner.adapters.files.market_facts import read_markets
from tsfm_runner.adapters.files.series import KnownMarket
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.errors import UnreadableInputError

END = datetime(2026, 3, 1, tzinfo=UTC)


def test_facts_are_read_by_name() -> None:
    table = pl.LazyFrame(
        {
            "market_id": ["a"],
            "category": ["weather"],
            "event_id": ["storm"],
            "tick": [0.01],
            "end": [END],
            "native_cadence_s": [300.0],
        }
    )

    assert read_markets(table) == {
        "a": KnownMarket(
            MarketFacts(category="weather", event_id="storm", tick_size=0.01),
            cadence_s=300.0,
            end_s=END.timestamp(),
        )
    }


def test_a_table_of_names_alone_knows_nothing_more() -> None:
    table = pl.LazyFrame({"unique_id": ["a", "b"]})

    assert read_markets(table) == {"a": KnownMarket(), "b": KnownMarket()}


@pytest.mark.parametrize(
    ("smallest_step", "tick"),
    [
        (0.01, 0.01),
        (0.0005, 0.0005),
        (0.00050001, 0.0005),
        (0.001, 0.001),
        (0.000641, None),
        (0.03, None),
        (0.05, None),
        (0.0, None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_only_a_step_that_venues_quote_in_is_a_tick(
    smallest_step: float | None, tick: float | None
) -> None:
    table = pl.LazyFrame(
        {"market_id": ["a"], "tick": [smallest_step]},
        schema_overrides={"tick": pl.Float64},
    )

    assert read_markets(table)["a"].facts.tick_size == tick


def test_only_markets_for_which_every_column_is_true_are_kept() -> None:
    table = pl.LazyFrame(
        {
            "market_id": ["a", "b", "c", "d"],
            "core": [True, True, False, None],
            "open": [True, False, True, True],
        }
    )

    assert set(read_markets(table, where=["core"])) == {"a", "b"}
    assert set(read_markets(table, where=["core", "open"])) == {"a"}


def test_a_row_without_a_name_says_nothing_of_a_market() -> None:
    table = pl.LazyFrame({"market_id": ["a", None], "category": ["sport", "news"]})

    assert set(read_markets(table)) == {"a"}


@pytest.mark.parametrize("name", ["absent", "market_id"])
def test_a_column_that_is_no_claim_cannot_choose(name: str) -> None:
    table = pl.LazyFrame({"market_id": ["a"], "core": [True]})

    with pytest.raises(UnreadableInputError, match=f"{name} is no column .*: core"):
        read_markets(table, where=[name])


def test_numbers_that_came_as_text_are_read_as_numbers() -> None:
    table = pl.LazyFrame(
        {"market_id": ["a", "b"], "tick": ["0.01", "?"], "native_cadence_s": ["60", ""]}
    )

    markets = read_markets(table)

    assert markets["a"].facts.tick_size == 0.01
    assert markets["a"].cadence_s == 60
    assert markets["b"] == KnownMarket()
