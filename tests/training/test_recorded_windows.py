"""Windows of recorded markets: what they hold, and what they are not chosen by."""

import numpy as np
import pytest

from recorded_windows import (
    APART,
    HORIZON,
    LONGEST_GAP,
    Grid,
    context_start,
    cut_windows,
    event_weights,
    on_grid,
    origins_of,
)

MINUTE = 60


def facts(**changed: object) -> dict[str, object]:
    known = {
        "market_id": "m",
        "native_cadence_s": 60.0,
        "source": "s",
        "split_group": "e",
        "end": None,
    }
    return known | changed


def walk(n: int, *, seed: int = 1) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(0, 0.01, n)
    return np.clip(0.5 + steps.cumsum(), 0.05, 0.95)


def regular(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.int64) * MINUTE


def whole(n: int) -> Grid:
    return on_grid(regular(n), walk(n), step_s=MINUTE)


def drawn(grid: Grid, *, end: float = np.inf, most: int = 99) -> list[int]:
    rng = np.random.default_rng(1)
    return origins_of(grid, end=end, most=most, rng=rng)


def test_a_step_has_its_last_price_and_is_filled_forward() -> None:
    times = np.array([60, 61, 120, 121, 300])

    grid = on_grid(times, np.array([0.1, 0.2, 0.3, 0.4, 0.5]), step_s=MINUTE)

    assert grid.first_step == 1
    assert grid.prices.tolist() == [0.1, 0.3, 0.4, 0.4, 0.5]
    assert grid.ages.tolist() == [0, 0, 0, 1, 0]


def test_windows_of_a_market_stand_apart_with_a_past_and_a_future() -> None:
    places = sorted(drawn(whole(400)))

    assert places[0] >= 23
    assert places[-1] + HORIZON < 400
    assert np.diff(places).min() >= APART


def test_no_window_stands_at_the_scheduled_end_or_after() -> None:
    assert max(drawn(whole(400), end=150)) < 150


def test_windows_are_chosen_without_a_look_at_what_comes() -> None:
    grid = whole(400)
    places = drawn(grid, most=3)
    after = np.arange(400) > max(places)

    other = grid._replace(prices=np.where(after, 0.0, grid.prices))

    assert drawn(other, most=3) == places


def test_a_market_that_lies_still_at_the_edge_is_left_out() -> None:
    still = on_grid(regular(100), np.full(100, 0.001), step_s=MINUTE)

    assert drawn(still) == []
    assert drawn(still._replace(prices=np.full(100, 0.5)))


def test_a_context_begins_after_a_long_gap() -> None:
    times = np.concatenate((regular(50), regular(60) + (60 + LONGEST_GAP) * MINUTE))

    grid = on_grid(times, walk(110), step_s=MINUTE)

    assert context_start(grid, grid.prices.size - 1) == 60 + LONGEST_GAP
    assert context_start(grid, 40) == 0


def test_rows_hold_what_was_known_and_what_came() -> None:
    prices = walk(300)
    times = np.delete(regular(300), 200)

    windows = cut_windows([(facts(), times, np.delete(prices, 200))], "1m")

    filled = prices.copy()
    filled[200] = filled[199]
    assert windows.contexts.shape == (10, 288)
    for context, seen, future in zip(
        windows.contexts, windows.is_observed, windows.futures, strict=True
    ):
        n_known = int(np.isfinite(context).sum())
        np.testing.assert_array_equal(context[-n_known:], filled[:n_known][-288:])
        np.testing.assert_array_equal(future, filled[n_known : n_known + HORIZON])
        assert np.flatnonzero(~seen[-n_known:]).tolist() == [200] * (n_known > 200)
        assert not seen[: 288 - n_known].any()


def test_markets_are_looked_at_as_their_own_cadence_allows() -> None:
    hourly = facts(native_cadence_s=3_600.0)
    series = [(hourly, np.arange(60) * 3_600, walk(60))]

    assert cut_windows(series, "1h").step_minutes == 60
    with pytest.raises(SystemExit, match="1m"):
        cut_windows(series, "1m")


def test_windows_of_one_event_count_less_each() -> None:
    events = np.array(["a", "a", "a", "a", "b"])
    sources = np.array(["x", "x", "x", "y", "x"])

    weights = event_weights(events, sources)

    assert weights[[0, 3, 4]] == pytest.approx([3**-0.5, 1, 1])
