import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from scipy import stats
from tests.core.contexts import LEVELS, assert_is_band, contexts, known

from tsfm_runner.core.ewma import ewma_quantiles, exponential_mean


def band(
    context: np.ndarray, *, floor: float = 0.001, share: float = 0.1
) -> np.ndarray:
    return ewma_quantiles(
        context,
        horizon=12,
        quantile_levels=LEVELS,
        half_life_steps=11,
        floor=np.full(len(context), floor),
        floor_share=share,
    )


def test_a_term_one_half_life_back_counts_half() -> None:
    assert exponential_mean(np.array([[4.0, 1.0]]), half_life_steps=1).tolist() == [2.0]


def test_no_known_term_means_zero() -> None:
    assert exponential_mean(np.array([[np.nan]]), half_life_steps=1).tolist() == [0.0]


@given(context=contexts())
def test_the_mean_agrees_with_pandas(context: np.ndarray) -> None:
    means = exponential_mean(context, half_life_steps=5)

    expected = [
        pd.Series(known(row)).ewm(halflife=5).mean().iloc[-1] for row in context
    ]
    assert means == pytest.approx(np.array(expected))


def test_one_step_by_hand() -> None:
    values = ewma_quantiles(
        np.array([[0.0, 3.0]]),
        horizon=4,
        quantile_levels=[0.5, stats.norm.cdf(1)],
        half_life_steps=1,
        floor=np.array([1.0]),
        floor_share=0.1,
    )

    assert values[0, 0] == pytest.approx([3, 6])
    assert values[0, 3] == pytest.approx([3, 9])


@given(context=contexts())
def test_every_market_gets_a_widening_ordered_band(context: np.ndarray) -> None:
    values = band(context)

    assert_is_band(values)
    assert (values[..., 3] == context[:, [-1]]).all()


@given(context=contexts())
def test_the_band_agrees_with_a_loop_over_changes(context: np.ndarray) -> None:
    values = band(context)

    for row, market in zip(values, context, strict=True):
        changes = np.diff(known(market))
        weights = [0.5 ** (age / 11) for age in reversed(range(len(changes)))]
        recent = np.average(changes**2, weights=weights) if len(changes) else 0.0
        whole = np.mean(changes**2) if len(changes) else 0.0
        scale = max(recent, 0.1 * whole, 0.001**2) ** 0.5
        for step in (1, 12):
            expected = stats.norm.ppf(LEVELS, market[-1], scale * step**0.5)
            assert row[step - 1] == pytest.approx(expected, abs=1e-9)


@given(context=contexts())
def test_a_shifted_series_has_a_shifted_band(context: np.ndarray) -> None:
    assert band(context + 0.25) == pytest.approx(band(context) + 0.25, abs=1e-9)


@given(context=contexts())
def test_a_scaled_series_has_a_scaled_band(context: np.ndarray) -> None:
    scaled = band(3 * context, floor=0.003)

    assert scaled == pytest.approx(3 * band(context), abs=1e-9)


@given(context=contexts())
def test_a_market_is_served_alike_alone_and_in_a_batch(context: np.ndarray) -> None:
    together = band(context)

    alone = np.concatenate([band(known(row)[None]) for row in context])

    assert together == pytest.approx(alone, abs=1e-12)


def test_a_resting_market_keeps_its_width() -> None:
    moved_long_ago = np.array([[0.4, 0.6] * 20 + [0.6] * 200])

    wide = band(moved_long_ago, share=0.25)
    narrow = band(moved_long_ago, share=0.0)

    assert np.ptp(wide[0, 0]) > 5 * np.ptp(narrow[0, 0])


def test_a_constant_series_has_the_width_of_the_floor() -> None:
    values = band(np.full((1, 50), 0.3), floor=0.01)

    assert values[0, 0] == pytest.approx(stats.norm.ppf(LEVELS, 0.3, 0.01))
