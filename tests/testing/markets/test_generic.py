"""Series that are no markets stay in [0, 1], and are of many kinds."""

from dataclasses import replace

import numpy as np
from tests.testing.markets.market_samples import END, LIVELY

from tsfm_runner.testing.markets.generic import generic_paths
from tsfm_runner.testing.markets.simulation import simulate_profiles

N = 400


def test_every_value_is_a_probability() -> None:
    series = generic_paths(N, n_steps=288, rng=np.random.default_rng(41))

    assert series.shape == (288, N)
    assert ((series >= 0) & (series <= 1)).all()
    assert series.min() < 0.05
    assert series.max() > 0.95


def test_some_are_smooth_and_some_are_noise() -> None:
    series = generic_paths(N, n_steps=288, rng=np.random.default_rng(42))

    centred = series - series.mean(axis=0)
    memory = (centred[1:] * centred[:-1]).mean(axis=0) / centred.var(axis=0)

    assert (memory > 0.9).mean() > 0.2
    assert (np.abs(memory) < 0.3).mean() > 0.05


def test_they_have_no_quotes_and_stand_among_markets() -> None:
    series = replace(LIVELY, shape="generic", category="series")

    markets = simulate_profiles(
        60, (LIVELY, series), n_steps=40, step_s=300, seed=43, end=END
    )

    is_series = np.array([row.category == "series" for row in markets.listings])
    assert 10 < is_series.sum() < 50
    assert np.isnan(markets.bids[is_series]).all()
    assert np.isnan(markets.asks[is_series]).all()
    assert np.isfinite(markets.bids[~is_series]).any()
    ticks = markets.prices / 0.0005
    is_on_grid = np.isclose(ticks, np.round(ticks), atol=1e-6).all(axis=1)
    assert (is_on_grid == ~is_series).all()
