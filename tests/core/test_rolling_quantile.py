import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from tests.core.contexts import LEVELS, assert_is_band, contexts, known
from tests.core.sorted_rows import rolling_quantiles_by_row

from tsfm_runner.core.levels import normal_scores
from tsfm_runner.core.rolling_quantile import rolling_quantiles


def band(
    context: np.ndarray, *, min_changes: int = 5, floor: float = 1e-4, horizon: int = 12
) -> np.ndarray:
    return rolling_quantiles(
        context,
        horizon=horizon,
        quantile_levels=LEVELS,
        min_changes=min_changes,
        floor=np.full(len(context), floor),
    )


def order_statistic(ordered: np.ndarray, level: float) -> float:
    exact = (len(ordered) - 1) * level
    outward = math.floor(exact + 1e-9) if level < 0.5 else math.ceil(exact - 1e-9)
    return float(ordered[outward])


def test_one_step_by_hand() -> None:
    values = rolling_quantiles(
        np.array([[0.0, 1.0, 3.0, 2.0]]),
        horizon=1,
        quantile_levels=[0.1, 0.5, 0.9],
        min_changes=1,
        floor=np.array([1e-9]),
    )

    assert values[0, 0] == pytest.approx([1, 2, 4])


def test_steps_with_too_few_changes_scale_the_longest_that_has_enough() -> None:
    prices = np.cumsum(np.random.default_rng(3).random(10))

    values = band(prices[None], min_changes=8, floor=1e-9, horizon=8)

    above = values[0, :, 4:] - prices[-1]
    assert above[7] == pytest.approx(2 * above[1])


@given(context=contexts())
def test_every_market_gets_a_widening_ordered_band(context: np.ndarray) -> None:
    values = band(context)

    assert_is_band(values)
    assert (values[..., 3] == context[:, [-1]]).all()


@given(context=contexts())
def test_the_band_agrees_with_a_loop_over_steps(context: np.ndarray) -> None:
    values = band(context)

    for row, market in zip(values, context, strict=True):
        prices = known(market)
        offsets = [0.0] * len(LEVELS)
        base, base_step = list(offsets), 1
        for step in range(1, 13):
            changes = np.sort(prices[step:] - prices[:-step])
            if len(changes) >= (1 if step == 1 else 5):
                base_step, base = step, [order_statistic(changes, q) for q in LEVELS]
            for place, (level, score) in enumerate(
                zip(LEVELS, normal_scores(LEVELS), strict=True)
            ):
                scaled = base[place] * (step / base_step) ** 0.5
                least = abs(1e-4 * step**0.5 * score)
                if level < 0.5:
                    offsets[place] = min(offsets[place], scaled, -least)
                elif level > 0.5:
                    offsets[place] = max(offsets[place], scaled, least)
            assert row[step - 1] == pytest.approx(market[-1] + offsets, abs=1e-12)


@given(context=contexts())
def test_a_mirrored_series_has_a_mirrored_band(context: np.ndarray) -> None:
    mirrored = band(1 - context)

    assert mirrored == pytest.approx(1 - band(context)[..., ::-1], abs=1e-9)


@given(context=contexts())
def test_a_scaled_series_has_a_scaled_band(context: np.ndarray) -> None:
    assert band(3 * context, floor=3e-4) == pytest.approx(3 * band(context), abs=1e-9)


@given(context=contexts())
def test_a_market_is_served_alike_alone_and_in_a_batch(context: np.ndarray) -> None:
    together = band(context)

    alone = np.concatenate([band(known(row)[None]) for row in context])

    assert together == pytest.approx(alone, abs=1e-12)


def test_a_rank_that_is_whole_but_for_rounding_is_whole() -> None:
    prices = np.cumsum(np.r_[0, np.arange(101.0)])

    values = rolling_quantiles(
        prices[None],
        horizon=1,
        quantile_levels=[0.5, 0.55],
        min_changes=1,
        floor=np.array([1e-9]),
    )

    assert values[0, 0, 1] - prices[-1] == pytest.approx(55)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Return the windows of a series and a question about them."""
    n_steps, width = draw(st.integers(1, 80)), draw(st.integers(1, 60))
    price = st.one_of(st.integers(0, 20).map(lambda n: n / 20), st.floats(0, 1))
    prices = draw(st.lists(price, min_size=n_steps, max_size=n_steps))
    before = draw(st.integers(max(0, width - n_steps), width - 1))
    levels = draw(st.sets(st.sampled_from((*LEVELS, 0.01, 0.45, 0.99)), min_size=1))
    windows = sliding_window_view(np.array(before * [np.nan] + prices), width)
    return {
        "context": windows,
        "horizon": draw(st.integers(1, 15)),
        "quantile_levels": sorted(levels),
        "min_changes": draw(st.integers(1, 40)),
        "floor": np.linspace(1e-9, 1e-2, len(windows)),
    }


@given(case=cases())
def test_windows_of_a_series_and_single_rows_agree_to_the_last_bit(
    case: dict[str, Any],
) -> None:
    copied = case | {"context": case["context"].copy()}

    together, by_row = rolling_quantiles(**case), rolling_quantiles(**copied)

    expected = rolling_quantiles_by_row(**case)
    np.testing.assert_array_equal(together, expected)
    np.testing.assert_array_equal(by_row, expected)


@pytest.mark.parametrize("decimals", [2, 3, 15])
def test_a_long_series_agrees_to_the_last_bit(decimals: int) -> None:
    changes = np.random.default_rng(decimals).normal(scale=0.01, size=1_500)
    prices = np.clip(0.5 + np.cumsum(changes), 0, 1).round(decimals)
    windows = sliding_window_view(np.append(np.full(287, np.nan), prices), 288)

    values = band(windows, min_changes=30)

    expected = rolling_quantiles_by_row(
        windows,
        horizon=12,
        quantile_levels=LEVELS,
        min_changes=30,
        floor=np.full(len(windows), 1e-4),
    )
    np.testing.assert_array_equal(values, expected)
    assert values.flags.c_contiguous


def test_no_step_of_a_long_horizon_needs_a_change_so_long() -> None:
    values = band(np.array([[0.4, 0.5, 0.7]]), min_changes=1, horizon=9)

    assert_is_band(values)
    assert values[0, 8, -1] - 0.7 == pytest.approx(0.3 * (9 / 2) ** 0.5)
