"""Recorded windows are what the service would have seen, and events stay whole."""

import numpy as np
import pytest
from tests.evaluation.recordings import START_S, make_market, make_markets

from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.learning.recorded import Parted, parted, recorded_windows
from tsfm_runner.learning.windows import KNOWN_STEPS

GAP_S = 3_600.0


def prices_of(name: str, n: int) -> np.ndarray:
    """Return prices that tell their place."""
    return (len(name) * 1_000 + np.arange(n)) / 1e5


A, B = prices_of("a", 400), prices_of("bb", 50)


def test_all_of_an_event_are_there_for_the_same() -> None:
    markets = make_markets(400, n_points=2)

    parts = parted(markets)

    groups = [{market.group for market in part} for part in parts]
    assert sum(map(len, parts)) == 400
    assert sum(map(len, groups)) == 200
    assert len(groups[2]) == pytest.approx(40, abs=12)
    assert len(groups[1]) == pytest.approx(20, abs=10)


def test_an_event_that_was_held_out_is_so_for_ever() -> None:
    few, many = parted(make_markets(100)), parted(make_markets(300))

    def names(parts: Parted) -> set[str]:
        return {market.group for market in parts.held_out}

    assert names(few) <= names(many)
    assert names(few)


def test_a_window_holds_the_prices_around_its_cutoff() -> None:
    markets = [make_market("a", A), make_market("bb", B, step_s=3_600)]

    found = recorded_windows(markets, max_gap_s=GAP_S)
    windows = found.cut(np.arange(len(found)))

    last = windows.prices[:, CONTEXT_STEPS - 1]
    row = int(np.flatnonzero(last == A[350])[0])
    assert (windows.prices[row, :CONTEXT_STEPS] == A[63:351]).all()
    assert (windows.prices[row, CONTEXT_STEPS : CONTEXT_STEPS + 49] == A[351:]).all()
    assert np.isnan(windows.prices[row, CONTEXT_STEPS + 49 :]).all()
    assert windows.is_observed[row].all()
    assert set(windows.step_minutes.tolist()) == {5.0, 60.0}


def test_a_young_market_has_a_short_context_and_its_first_price_before_it() -> None:
    found = recorded_windows([make_market("a", A)], max_gap_s=GAP_S)

    windows = found.cut(np.array([3]))

    assert windows.lengths.tolist() == [5]
    assert (windows.prices[0, : CONTEXT_STEPS - 4] == A[0]).all()
    assert windows.is_observed[0].sum() == 5


def test_every_cutoff_has_a_known_price_soon() -> None:
    prices = [*A[:100], *[np.nan] * 30, *A[130:200]]

    found = recorded_windows([make_market("a", prices)], max_gap_s=300)
    windows = found.cut(np.arange(len(found)))

    soon = windows.prices[:, CONTEXT_STEPS : CONTEXT_STEPS + KNOWN_STEPS]
    assert np.isfinite(soon).any(axis=1).all()
    assert np.isfinite(windows.prices[:, :CONTEXT_STEPS]).all()
    assert windows.lengths.max() < 101


def test_a_price_that_was_filled_forward_is_not_observed() -> None:
    prices = [*A[:20], np.nan, np.nan, *A[22:60]]

    found = recorded_windows([make_market("a", prices)], max_gap_s=GAP_S)
    windows = found.cut(np.array([len(found) - 1]))

    context = windows.prices[0, :CONTEXT_STEPS]
    where = np.flatnonzero(~windows.is_observed[0, -windows.lengths[0] :])
    assert where.tolist() == [20, 21]
    assert (context[-windows.lengths[0] :][where] == A[19]).all()


def test_time_to_close_is_known_where_the_end_is() -> None:
    markets = [make_market("a", A, ends_after=450), make_market("b", A, first=9)]

    windows = recorded_windows(markets, max_gap_s=GAP_S).cut(np.array([0, 500]))

    assert windows.steps_to_close[0] == 450 - 1
    assert np.isnan(windows.steps_to_close[1])
    assert START_S % 300 == 0


def test_an_event_of_many_moments_does_not_drown_the_others() -> None:
    markets = [make_market("a", A), make_market("bb", B[:26])]
    found = recorded_windows(markets, max_gap_s=GAP_S)

    drawn = found(4_000, np.random.default_rng(1)).prices[:, CONTEXT_STEPS - 1]

    share = np.mean(drawn < 0.015)
    expected = (398**0.5) / (398**0.5 + 24**0.5)
    assert share == pytest.approx(expected, abs=0.03)


def test_markets_without_a_price_soon_teach_nothing() -> None:
    with pytest.raises(ValueError, match="no market has two prices in a row"):
        recorded_windows([make_market("a", [0.4, 0.5])], max_gap_s=GAP_S)
