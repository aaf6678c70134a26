import warnings

import numpy as np
import pytest
from hypothesis import given
from scipy import stats
from statsmodels.tsa.statespace.structural import UnobservedComponents
from tests.core.contexts import LEVELS, assert_is_band, contexts, known

from tsfm_runner.core.kalman import (
    LocalLevel,
    filter_level,
    fit_local_level,
    kalman_quantiles,
)


def band(context: np.ndarray, *, floor: float = 0.001) -> np.ndarray:
    return kalman_quantiles(
        context,
        horizon=12,
        quantile_levels=LEVELS,
        half_life_steps=20,
        floor=np.full(len(context), floor),
    )


def noisy_level(*, seed: int, n_points: int = 400, noise: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = 0.5 + np.cumsum(rng.normal(0, 0.01, n_points))
    return level + rng.normal(0, noise, n_points)


def test_gain_and_variance_by_hand() -> None:
    model = LocalLevel(np.array([1.0]), np.array([2.0]))

    level, variance = filter_level(np.array([[0.0, 4.0]]), model)

    assert level.tolist() == [2.0]
    assert variance.tolist() == [1.0]


def test_without_noise_the_level_is_the_last_value() -> None:
    model = LocalLevel(np.array([1.0]), np.array([0.0]))

    level, variance = filter_level(np.array([[0.1, 0.4, 0.2]]), model)

    assert level.tolist() == [0.2]
    assert variance.tolist() == [0.0]


def test_level_and_forecasts_agree_with_statsmodels() -> None:
    observed = noisy_level(seed=20260220)
    model = LocalLevel(np.array([0.01**2]), np.array([0.02**2]))

    level, variance = filter_level(observed[None], model)

    reference = UnobservedComponents(observed, "llevel")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        filtered = reference.smooth([0.02**2, 0.01**2])
    assert level.item() == pytest.approx(filtered.filtered_state[0, -1], abs=1e-6)
    assert variance.item() == pytest.approx(filtered.filtered_state_cov[0, 0, -1])
    ahead = variance.item() + np.arange(1, 13) * 0.01**2 + 0.02**2
    expected = filtered.get_forecast(12).var_pred_mean
    assert ahead == pytest.approx(expected, rel=1e-6)


def test_variances_come_back_from_a_long_simulation() -> None:
    observed = np.stack([noisy_level(seed=seed, n_points=20_000) for seed in (1, 2)])

    model = fit_local_level(observed, half_life_steps=1e5, floor=np.full(2, 1e-6))

    assert model.level_variance == pytest.approx([0.01**2] * 2, rel=0.2)
    assert model.noise_variance == pytest.approx([0.02**2] * 2, rel=0.1)


def test_changes_that_do_not_turn_back_show_no_noise() -> None:
    trend = np.linspace(0.1, 0.9, 50)[None]

    model = fit_local_level(trend, half_life_steps=20, floor=np.array([1e-6]))

    assert model.noise_variance.tolist() == [0.0]


@given(context=contexts())
def test_every_market_gets_a_widening_ordered_band(context: np.ndarray) -> None:
    assert_is_band(band(context))


@given(context=contexts())
def test_the_band_agrees_with_the_recursive_filter(context: np.ndarray) -> None:
    floor = np.full(len(context), 0.001)
    model = fit_local_level(context, half_life_steps=20, floor=floor)

    values = band(context)

    for row, market, q, r in zip(values, context, *model, strict=True):
        predicted = (q + (q * q + 4 * q * r) ** 0.5) / 2
        gain = predicted / (predicted + r)
        level = known(market)[0]
        for price in known(market)[1:]:
            level += gain * (price - level)
        variance = predicted * (1 - gain) + 12 * q + r
        expected = stats.norm.ppf(LEVELS, level, variance**0.5)
        assert row[-1] == pytest.approx(expected, abs=1e-9)


@given(context=contexts())
def test_a_shifted_series_has_a_shifted_band(context: np.ndarray) -> None:
    assert band(context + 0.25) == pytest.approx(band(context) + 0.25, abs=1e-6)


@given(context=contexts())
def test_a_market_is_served_alike_alone_and_in_a_batch(context: np.ndarray) -> None:
    together = band(context)

    alone = np.concatenate([band(known(row)[None]) for row in context])

    assert together == pytest.approx(alone, abs=1e-9)
