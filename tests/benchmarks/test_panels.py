from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from benchmarks.panels import (
    MIN_HISTORY,
    SPECS,
    data_folder,
    filled,
    make_panel,
    origins_of,
    recorded_panel,
    simulated_panel,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
NEEDS_DATA = pytest.mark.skipif(
    not (data_folder() / "markets.parquet").exists(),
    reason="the recorded markets are not here (TSFM_SHARED names their folder)",
)


def tables(
    source: str, minutes: list[float], *, is_selected: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    market = {
        "market_id": "m",
        "source": source,
        "cadence": "5m",
        "event_id": "e",
        "split_group": "g",
        "category": "c",
        "end": START + timedelta(days=1),
        "selected_on_outcome": is_selected,
    }
    times = [START + timedelta(minutes=minute) for minute in minutes]
    prices = np.linspace(0.2, 0.8, len(times))
    names = ["m"] * len(times)
    return (
        pl.DataFrame([market]),
        pl.DataFrame({"market_id": names, "ts": times, "price": prices}),
    )


def test_a_price_stands_at_the_next_grid_time_until_it_is_too_old() -> None:
    steps, prices = np.array([3, 3, 5, 10]), np.array([0.1, 0.2, 0.3, 0.4])

    row = filled(steps, prices, max_fill=2)

    expected = [0.2, 0.2, 0.3, 0.3, 0.3, np.nan, np.nan, 0.4]
    assert row == pytest.approx(expected, nan_ok=True)


def test_no_price_is_known_before_its_time() -> None:
    markets, prices = tables("kalshi_nba", [5 * step + 0.01 for step in range(80)])

    panel = make_panel(markets, prices, SPECS["5m"], n_events=None, seed=1)

    first_s = panel.first_steps[0] * 300
    assert first_s == START.timestamp() + 300
    assert panel.prices.size == 80


@pytest.mark.parametrize(
    ("source", "is_known"), [("fated_btc_bands", True), ("kalshi_nba", False)]
)
def test_the_end_is_told_only_where_it_was_scheduled(
    source: str, *, is_known: bool
) -> None:
    markets, prices = tables(source, [5.0 * step for step in range(80)])

    panel = make_panel(markets, prices, SPECS["5m"], n_events=None, seed=1)

    assert bool(np.isfinite(panel.closes_at_s[0])) is is_known


def test_an_origin_has_two_prices_without_a_hole() -> None:
    minutes = [5.0 * step for step in range(40)]
    minutes += [5.0 * step for step in range(60, 100)]
    markets, prices = tables("kalshi_nba", minutes)
    panel = make_panel(markets, prices, SPECS["5m"], n_events=None, seed=1)

    origins = origins_of(panel, horizon=12)

    # The last price before the hole is kept for twelve steps; the first one of each
    # part is no origin.
    expected = [*range(1, 52), *range(61, 100)]
    assert origins.places.tolist() == expected
    assert origins.runs.tolist() == [0] * 51 + [60] * 39
    assert origins.ages[:51].tolist() == list(range(2, 53))
    assert origins.ages[51] == 54
    assert np.isnan(origins.outcomes[50]).sum() == 8
    assert origins.outcomes[0] == pytest.approx(panel.prices[2:14])


def test_train_and_test_part_do_not_touch() -> None:
    panel = simulated_panel(n_events=3, seed=1, n_markets=20, n_steps=200)

    origins = origins_of(panel, horizon=12)

    last, first = origins.steps[origins.is_train].max(), origins.steps[origins.is_test]
    assert last + 12 < first.min()
    assert origins.ages[origins.is_train].min() == MIN_HISTORY
    assert (np.diff(origins.steps) >= 0).all()
    assert np.unique(panel.groups).size == 3


def test_what_was_selected_on_its_outcome_is_never_used() -> None:
    kept = tables("kalshi_nba", [5.0 * step for step in range(80)])
    left, _ = tables("kalshi_nba", [0.0], is_selected=True)
    markets = pl.concat([kept[0], left.with_columns(market_id=pl.lit("other"))])
    prices = pl.concat([kept[1], kept[1].with_columns(market_id=pl.lit("other"))])

    panel = make_panel(markets, prices, SPECS["5m"], n_events=None, seed=1)

    assert panel.market_ids == ("m",)


@NEEDS_DATA
def test_the_recorded_hourly_weather_has_the_size_that_the_study_names() -> None:
    panel = recorded_panel("weather", n_events=None, seed=1)

    assert len(panel.market_ids) == 2_315
    assert origins_of(panel, horizon=12).places.size == 140_839
    assert np.isfinite(panel.closes_at_s).all()
