"""Recorded markets on a grid: every moment knows what came before, and no more."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation.recordings import START_S, STEP_S, make_market, make_markets

from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import MAX_HORIZON, MarketFacts
from tsfm_runner.evaluation.panel import (
    Panel,
    Windows,
    excursions,
    make_panel,
    origins_of,
    outcomes_of,
)

NAN = float("nan")
FIRST = START_S // STEP_S
HOUR_S = 3_600

# Steps of the recorded prices, one of them 10 s late; then what the grid makes of
# them where a price stands for two steps.
RECORDED = {0: 0.40, 1: 0.41, 2: 0.42, 5: 0.45, 10: 0.50, 11: 0.51}
ON_GRID = [0.40, 0.41, *3 * [0.42], *3 * [0.45], NAN, NAN, 0.50, 0.51]


def recorded(steps: dict[int, float], *, late_s: float = 0.0) -> RecordedMarket:
    """Return a market with prices at some steps, each so much before its step."""
    times_s = np.array([START_S + STEP_S * step - late_s for step in steps])
    prices = np.array(list(steps.values()))
    return RecordedMarket(
        "holed", times_s, prices, STEP_S, "holed", "made", MarketFacts()
    )


def panel_of(*markets: RecordedMarket, max_gap_s: float = 2 * STEP_S) -> Panel:
    return make_panel(markets, step_s=markets[0].step_s, max_gap_s=max_gap_s)


@pytest.fixture
def panel() -> Panel:
    """The market with a hole, between two others."""
    return panel_of(
        make_market("before", [0.1, 0.2]),
        recorded(RECORDED),
        make_market("after", [0.7, 0.8, 0.9], first=4),
    )


def test_a_price_stands_until_the_next_one_but_not_for_too_long(panel: Panel) -> None:
    assert panel.starts.tolist() == [0, 2, 14, 17]
    assert panel.steps[panel.starts[:-1]].tolist() == [FIRST, FIRST, FIRST + 4]
    assert np.diff(panel.steps[2:14]).tolist() == 11 * [1]
    np.testing.assert_array_equal(panel.prices[2:14], ON_GRID)
    assert panel.groups == ["before", "holed", "after"]


def test_a_run_begins_after_each_hole_and_with_each_market(panel: Panel) -> None:
    is_known = np.isfinite(panel.prices)

    run_starts = panel.run_starts[is_known]

    assert run_starts.tolist() == [0, 0, *8 * [2], 12, 12, 14, 14, 14]


def test_a_price_stands_for_one_step_however_short_the_gap() -> None:
    lone = recorded({0: 0.4, 1: 0.5, 3: 0.6, 6: 0.7})

    assert panel_of(lone, max_gap_s=0).prices.tolist() == [0.4, 0.5, 0.5, 0.6, 0.6]


def test_a_hole_of_many_years_takes_no_room() -> None:
    market = recorded({0: 0.4, 1: 0.5, 90_000_000: 0.6, 90_000_001: 0.7})

    panel = panel_of(market, max_gap_s=0)

    origins = origins_of(panel)
    outcomes = outcomes_of(panel, origins, horizon=MAX_HORIZON)
    rise, _ = excursions(panel)
    assert panel.prices.size < 1_000
    assert (origins.steps - FIRST).tolist() == [1, 2, 90_000_001]
    assert outcomes[np.isfinite(outcomes)].tolist() == [0.5]
    assert np.isnan(rise[origins.places[1]])


def test_a_point_between_steps_counts_from_the_step_after_it() -> None:
    panel = panel_of(recorded({1: 0.4, 2: 0.5, 3: 0.6}, late_s=STEP_S - 1))

    assert panel.steps.tolist() == [FIRST + 1, FIRST + 2, FIRST + 3]
    assert panel.prices.tolist() == [0.4, 0.5, 0.6]


def test_of_several_points_between_two_steps_the_last_one_counts() -> None:
    points = replace(
        recorded({0: 0.4, 1: 0.5}),
        times_s=np.array([START_S, START_S + 1, START_S + 7, START_S + STEP_S]) * 1.0,
        prices=np.array([0.4, 0.6, 0.7, 0.5]),
    )

    assert panel_of(points).prices.tolist() == [0.4, 0.5]


def test_a_market_without_two_prices_in_a_row_is_left_out() -> None:
    panel = panel_of(make_market("lone", [0.4]), make_market("pair", [0.4, 0.5]))

    assert [market.market_id for market in panel.markets] == ["pair"]


def test_a_panel_may_be_empty() -> None:
    panel = panel_of(make_market("lone", [0.4]))

    assert (panel.prices.size, panel.starts.tolist()) == (0, [0])
    assert origins_of(panel).places.size == 0


def test_an_origin_has_two_prices_without_a_hole(panel: Panel) -> None:
    origins = origins_of(panel)

    assert origins.places.tolist() == [1, *range(3, 10), 13, 15, 16]
    assert origins.markets.tolist() == [0, *8 * [1], 2, 2]
    assert (origins.steps - FIRST).tolist() == [1, *range(1, 8), 11, 5, 6]


def test_age_counts_prices_of_the_market_and_no_holes(panel: Panel) -> None:
    assert origins_of(panel).ages.tolist() == [2, *range(2, 9), 10, 2, 3]


def test_some_origins_keep_all_that_is_known_of_them(panel: Panel) -> None:
    chosen = origins_of(panel).at(slice(8, None))

    assert [column.tolist() for column in chosen] == [
        [13, 15, 16],
        [1, 2, 2],
        [FIRST + 11, FIRST + 5, FIRST + 6],
        [10, 2, 3],
    ]


def test_outcomes_end_at_holes_and_with_their_market(panel: Panel) -> None:
    outcomes = outcomes_of(panel, origins_of(panel), horizon=3)

    np.testing.assert_array_equal(outcomes[0], [NAN, NAN, NAN])
    np.testing.assert_array_equal(outcomes[1], [0.42, 0.42, 0.42])
    np.testing.assert_array_equal(outcomes[6], [0.45, NAN, NAN])
    np.testing.assert_array_equal(outcomes[7], [NAN, NAN, 0.50])
    np.testing.assert_array_equal(outcomes[8], [NAN, NAN, NAN])
    np.testing.assert_array_equal(outcomes[9:], [[0.9, NAN, NAN], [NAN, NAN, NAN]])


def test_excursions_look_six_hours_ahead_and_no_further() -> None:
    hours = [0.50, 0.52, 0.48, *4 * [0.50], 0.90]
    markets = [
        make_market("hourly", hours, step_s=HOUR_S),
        make_market("pair", [0.4, 0.5], step_s=HOUR_S),
    ]

    rise, fall = excursions(panel_of(*markets))

    np.testing.assert_allclose(rise[:3], [0.02, 0.38, 0.42])
    np.testing.assert_allclose(fall[:3], [0.02, 0.04, -0.02])
    np.testing.assert_allclose((rise[6], fall[6]), (0.40, -0.40))
    np.testing.assert_array_equal((rise[7], fall[7]), (NAN, NAN))
    np.testing.assert_allclose(rise[8:], [0.1, NAN])


def test_excursions_look_at_least_at_the_next_step() -> None:
    days = panel_of(make_market("daily", [0.4, 0.5, 0.9], step_s=86_400))

    rise, fall = excursions(days)

    np.testing.assert_allclose(rise, [0.1, 0.4, NAN])
    np.testing.assert_allclose(fall, [-0.1, -0.4, NAN])


prices = st.lists(
    st.one_of(st.integers(0, 20).map(lambda tick: tick / 20), st.just(NAN)),
    min_size=2,
    max_size=40,
)


@given(rows=st.lists(prices, min_size=1, max_size=3))
def test_everything_is_what_plain_slices_give(rows: list[list[float]]) -> None:
    markets = [
        make_market(f"m{place}", row, step_s=HOUR_S) for place, row in enumerate(rows)
    ]
    panel = make_panel(markets, step_s=HOUR_S, max_gap_s=0)
    origins, (rise, fall) = origins_of(panel), excursions(panel)

    for market in range(len(panel.markets)):
        start, stop = panel.starts[market : market + 2].tolist()
        row = panel.prices[start:stop].tolist()
        known = [at for at, price in enumerate(row) if not math.isnan(price)]
        expected = [at for at in known if at - 1 in known]
        mine = origins.at(origins.markets == market)
        assert (mine.places - start).tolist() == expected
        assert mine.ages.tolist() == [known.index(at) + 1 for at in expected]
        for at in known:
            later = [row[one] for one in known if at < one <= at + 6] or [NAN]
            found = rise[start + at], fall[start + at]
            moves = max(later) - row[at], row[at] - min(later)
            np.testing.assert_array_equal(found, moves)
        for at in expected:
            place, run = np.array([start + at]), _run_until(row, at)
            assert Windows(panel, length=4).lengths(place) == min(len(run), 4)
            assert Windows(panel, length=4).contexts(place).tolist() == [run[-4:]]


def _run_until(row: list[float], at: int) -> list[float]:
    """Return the prices up to one of them, since the last hole."""
    holes = [place for place in range(at) if math.isnan(row[place])]
    return row[max(holes, default=-1) + 1 : at + 1]


def test_contexts_of_different_lengths_end_together(panel: Panel) -> None:
    windows = Windows(panel, length=5)

    contexts = windows.contexts(np.array([13, 5, 16]))

    assert windows.lengths(np.array([13, 5, 16])).tolist() == [2, 4, 3]
    np.testing.assert_array_equal(
        contexts,
        [
            [NAN, NAN, 0.50, 0.51],
            [0.40, 0.41, 0.42, 0.42],
            [NAN, 0.7, 0.8, 0.9],
        ],
    )


def test_contexts_are_no_longer_than_asked_for(panel: Panel) -> None:
    assert Windows(panel, length=2).contexts(np.array([9, 13])).tolist() == [
        [0.45, 0.45],
        [0.50, 0.51],
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_price_after_the_cutoff_is_in_no_context(seed: int) -> None:
    rng = np.random.default_rng(seed)
    markets = make_markets(4, n_points=60, seed=seed)
    cut_s = START_S + 40 * STEP_S
    changed = [
        replace(
            market,
            prices=np.where(
                market.times_s > cut_s, rng.uniform(size=60), market.prices
            ),
        )
        for market in markets
    ]

    (panel, before), (other, after) = (
        (panel, origins.at(origins.steps * STEP_S <= cut_s))
        for panel in (panel_of(*markets), panel_of(*changed))
        for origins in [origins_of(panel)]
    )

    assert before.places.size > 100
    np.testing.assert_array_equal(before.places, after.places)
    np.testing.assert_array_equal(
        Windows(panel, length=20).contexts(before.places),
        Windows(other, length=20).contexts(after.places),
    )


@pytest.mark.parametrize("n_steps", [-1_000, 1, 288])
def test_a_shift_in_time_by_whole_steps_shifts_steps_and_nothing_else(
    n_steps: int,
) -> None:
    markets = [recorded(RECORDED, late_s=10), *make_markets(3)]
    moved = [
        replace(market, times_s=market.times_s + n_steps * STEP_S) for market in markets
    ]

    here, there = panel_of(*markets), panel_of(*moved)

    np.testing.assert_array_equal(here.prices, there.prices)
    np.testing.assert_array_equal(here.run_starts, there.run_starts)
    np.testing.assert_array_equal(here.steps + n_steps, there.steps)
    for name in ("places", "markets", "ages"):
        np.testing.assert_array_equal(
            getattr(origins_of(here), name), getattr(origins_of(there), name)
        )
    np.testing.assert_array_equal(excursions(here), excursions(there))
