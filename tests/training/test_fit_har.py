"""Fitting the HAR table: exact where it can be, lawful where it cannot."""

import numpy as np
import pytest

from fit_har import (
    LEVELS,
    STEPS,
    draw_sample,
    fit_scale,
    fit_table,
    sample_origins,
    symmetric_quantiles,
)
from tsfm_runner.core.har import HarTable, har_quantiles

SHORTEST_STUDY = 900


def test_a_scale_without_noise_is_found_exactly() -> None:
    rng = np.random.default_rng(20260220)
    terms = rng.uniform(0.01, 0.1, (500, 3))

    coefficients = fit_scale(terms, terms @ [0.7, 0.0, 0.2])

    assert coefficients == pytest.approx([0.7, 0.0, 0.2], abs=1e-9)


def test_a_term_that_narrows_gets_no_weight() -> None:
    rng = np.random.default_rng(20260221)
    terms = rng.uniform(0.01, 0.1, (500, 2))

    coefficients = fit_scale(terms, terms @ [1.0, -0.3])

    assert coefficients[0] > 0
    assert coefficients[1] == 0


def test_quantiles_are_the_same_up_and_down() -> None:
    rng = np.random.default_rng(20260222)

    quantiles = symmetric_quantiles(rng.normal(1.0, 1.0, 4_000))

    np.testing.assert_array_equal(quantiles, -quantiles[::-1])
    assert quantiles[LEVELS == 0.5] == 0


def test_an_origin_sees_its_past_only() -> None:
    prices = np.arange(40.0)[None] / 100

    sample = sample_origins(prices, rng=np.random.default_rng(1))

    last = sample.contexts[:, -1]
    assert (np.nanmax(sample.contexts, axis=1) == last).all()
    future = last[:, None] + np.array(STEPS) / 100
    expected = np.where(future <= 0.39 + 1e-9, np.array(STEPS) / 100, np.nan)
    np.testing.assert_allclose(sample.changes, expected, atol=1e-12)


def test_a_small_fit_is_a_lawful_table_that_covers() -> None:
    sample = draw_sample(SHORTEST_STUDY, seed=5)

    table = HarTable.from_mapping(fit_table(sample))

    fresh = draw_sample(SHORTEST_STUDY, seed=6)
    band = har_quantiles(
        fresh.contexts, horizon=12, quantile_levels=(0.1, 0.9), table=table
    )[:, -1]
    moved = fresh.changes[:, STEPS.index(12)]
    price = fresh.contexts[:, -1] + moved
    is_known = np.isfinite(moved)
    is_inside = (price >= band[:, 0]) & (price <= band[:, 1])
    assert is_inside[is_known].mean() == pytest.approx(0.8, abs=0.03)


def test_the_same_seed_fits_the_same_table() -> None:
    first = fit_table(draw_sample(SHORTEST_STUDY, seed=5))

    assert fit_table(draw_sample(SHORTEST_STUDY, seed=5)) == first
