"""Windows are cut where there is something to learn, and made harder as promised."""

from dataclasses import replace

import numpy as np

from tsfm_runner.core.foundation.signature import ANCHOR_STEPS, CONTEXT_STEPS
from tsfm_runner.learning.windows import (
    Habits,
    PricePaths,
    Windows,
    cut_windows,
    joined,
    made_harder,
)

EASY = Habits(
    young_share=0,
    short_share=0,
    gap_share=0,
    sparse_share=0,
    told_close_share=1,
    mirrored_share=0,
    told_end_share=1,
    settled_share=1,
)
N_STEPS = 700


def clocks(n_paths: int) -> PricePaths:
    """Return paths whose price tells path and step."""
    prices = np.arange(n_paths)[:, None] / 10 + np.arange(N_STEPS) / 1e5
    return PricePaths(prices, np.full(n_paths, 5.0), np.full(n_paths, 650.0))


def drawn(n: int, habits: Habits = EASY) -> Windows:
    rng = np.random.default_rng(7)
    return cut_windows(clocks(5), n, habits=habits, rng=rng)


def test_a_window_is_a_stretch_of_one_path() -> None:
    windows = drawn(200)

    context = windows.prices[:, :CONTEXT_STEPS]

    assert np.allclose(np.diff(context), 1e-5)
    assert (windows.lengths == CONTEXT_STEPS).all()
    assert windows.is_observed.all()


def test_what_came_after_the_end_of_a_path_is_not_known() -> None:
    windows = drawn(400)

    cutoff = np.round(windows.prices[:, CONTEXT_STEPS - 1] % 0.1 * 1e5)
    is_known = ~np.isnan(windows.future)

    assert (is_known == (cutoff[:, None] + ANCHOR_STEPS < N_STEPS)).all()
    assert is_known[:, :12].all()
    assert not is_known.all()


def test_time_to_close_is_counted_from_the_cutoff_and_unknown_after_it() -> None:
    windows = drawn(400)

    cutoff = np.round(windows.prices[:, CONTEXT_STEPS - 1] % 0.1 * 1e5)
    expected = np.where(cutoff < 650, 650 - cutoff, np.nan)

    assert np.array_equal(windows.steps_to_close, expected, equal_nan=True)
    assert np.isnan(expected).any()


def test_markets_that_were_settled_long_ago_are_rare() -> None:
    settled = np.where(np.arange(20)[:, None] < 8, 0.001, 0.4)
    paths = PricePaths(np.tile(settled, N_STEPS), np.ones(20), np.full(20, np.nan))

    kept = [
        cut_windows(paths, 500, habits=habits, rng=np.random.default_rng(3))
        for habits in (replace(EASY, settled_share=0.05), EASY)
    ]

    shares = [np.mean(windows.prices[:, 0] < 0.01) for windows in kept]
    assert 0 < shares[0] < 0.06
    assert 0.35 < shares[1] < 0.45


def test_a_young_window_begins_where_its_market_did() -> None:
    windows = drawn(400, replace(EASY, young_share=0.5, least_length=20))

    is_young = windows.lengths < CONTEXT_STEPS
    first = windows.prices[np.arange(400), CONTEXT_STEPS - windows.lengths] * 10

    assert abs(is_young.mean() - 0.5) < 0.1
    assert np.allclose(first[is_young], np.round(first[is_young]))
    assert windows.lengths.min() >= 20


def test_a_market_that_lived_briefly_has_young_windows_only() -> None:
    brief = PricePaths(np.full((3, 60), 0.4), np.ones(3), np.full(3, np.nan))

    windows = cut_windows(brief, 50, habits=EASY, rng=np.random.default_rng(1))

    assert windows.lengths.min() >= EASY.least_length
    assert windows.lengths.max() < 60
    assert not np.isnan(windows.future[:, :12]).any()


def test_prices_after_the_close_are_told_as_often_as_was_said() -> None:
    windows = drawn(2_000, replace(EASY, told_end_share=0.3))

    is_open = windows.steps_to_close > 0
    is_after = (np.array(ANCHOR_STEPS) >= windows.steps_to_close[:, None])[is_open, :12]
    is_known = ~np.isnan(windows.future[is_open, :12])

    assert is_known[~is_after].all()
    assert abs(is_known[is_after].mean() - 0.3) < 0.1


def test_windows_after_the_close_are_rare() -> None:
    windows = drawn(2_000, replace(EASY, settled_share=0.0))

    assert not np.isnan(windows.steps_to_close).any()


def test_habits_make_as_many_windows_harder_as_they_say() -> None:
    habits = Habits(least_length=12, sparse_share=0)
    windows = drawn(4_000)

    harder = made_harder(windows, habits=habits, rng=np.random.default_rng(11))

    is_short = harder.lengths < CONTEXT_STEPS
    is_mirrored = harder.prices[:, 0] > harder.prices[:, 5]
    could_be_told = ~np.isnan(windows.steps_to_close)
    is_told = ~np.isnan(harder.steps_to_close)
    has_gap = ~harder.is_observed.all(axis=1)
    assert abs(is_short.mean() - 0.25) < 0.03
    assert abs(is_mirrored.mean() - 0.5) < 0.03
    assert abs(is_told[could_be_told].mean() - 0.5) < 0.03
    assert abs(has_gap.mean() - 0.1) < 0.02
    assert harder.lengths.min() == 12


def test_a_gap_is_filled_forward_and_leaves_the_future_alone() -> None:
    windows, habits = drawn(300), replace(EASY, gap_share=1.0, longest_gap=40)

    harder = made_harder(windows, habits=habits, rng=np.random.default_rng(2))

    filled = ~harder.is_observed
    context = harder.prices[:, :CONTEXT_STEPS]
    assert filled.any(axis=1).all()
    assert filled.sum(axis=1).max() <= 40
    assert not filled[:, 0].any()
    assert (context[:, 1:][filled[:, 1:]] == context[:, :-1][filled[:, 1:]]).all()
    assert (context[~filled] == windows.prices[:, :CONTEXT_STEPS][~filled]).all()
    assert np.array_equal(harder.future, windows.future, equal_nan=True)


def test_a_gap_never_hides_the_first_price_that_is_told() -> None:
    habits = replace(EASY, gap_share=1.0, short_share=1.0, least_length=1)

    harder = made_harder(drawn(500), habits=habits, rng=np.random.default_rng(5))

    first = CONTEXT_STEPS - harder.lengths
    assert harder.is_observed[np.arange(500), first].all()
    assert harder.lengths.min() == 1


def test_a_sparse_market_tells_changes_only() -> None:
    prices = np.repeat(np.arange(1, N_STEPS / 2 + 1) / 1e3, 2)[None]
    paths = PricePaths(prices, np.ones(1), np.full(1, np.nan))
    habits = replace(EASY, sparse_share=1.0)
    rng = np.random.default_rng(13)

    windows = cut_windows(paths, 100, habits=habits, rng=rng)
    harder = made_harder(windows, habits=habits, rng=rng)

    is_changed = np.diff(harder.prices[:, :CONTEXT_STEPS]) != 0
    assert harder.is_observed[:, 1:][is_changed].all()
    assert 0.3 < harder.is_observed[:, 1:][~is_changed].mean() < 0.7


def test_windows_are_joined_row_by_row() -> None:
    windows = drawn(6)

    parts = [windows.rows(np.arange(2)), windows.rows(np.arange(2, 6))]

    assert np.array_equal(joined(parts).prices, windows.prices, equal_nan=True)
    assert len(joined(parts)) == 6
