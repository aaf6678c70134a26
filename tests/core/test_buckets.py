"""Quantiles of counts in buckets, as Prometheus reads them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.buckets import bucket_quantile

BOUNDS = (1.0, 2.0, 4.0)


def test_a_quantile_lies_evenly_in_its_bucket() -> None:
    assert bucket_quantile(BOUNDS, [1, 2, 1, 0], 0.5) == pytest.approx(1.5)
    assert bucket_quantile(BOUNDS, [1, 2, 1, 0], 1.0) == pytest.approx(4.0)
    assert bucket_quantile(BOUNDS, [2, 0, 0, 0], 0.5) == pytest.approx(0.5)


def test_an_empty_bucket_is_passed_over() -> None:
    assert bucket_quantile(BOUNDS, [0, 0, 4, 0], 0.25) == pytest.approx(2.5)


def test_values_above_all_bounds_count_as_the_last_one() -> None:
    assert bucket_quantile(BOUNDS, [1, 0, 0, 9], 0.5) == BOUNDS[-1]


def test_without_values_there_is_no_quantile() -> None:
    assert bucket_quantile(BOUNDS, [0, 0, 0, 0], 0.5) is None


@given(
    counts=st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any),
    levels=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_higher_share_has_no_lower_quantile(
    counts: list[int], levels: tuple[float, float]
) -> None:
    low, high = sorted(levels)

    lower, upper = (bucket_quantile(BOUNDS, counts, level) for level in (low, high))

    assert lower is not None
    assert upper is not None
    assert lower <= upper + 1e-9


def test_a_quantile_lies_in_the_bucket_of_that_of_the_values_themselves() -> None:
    rng = np.random.default_rng(20260220)
    bounds = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    for _ in range(20):
        values = rng.gamma(2.0, 0.05, size=501)
        counts, _ = np.histogram(values, [0, *bounds, np.inf])

        found = bucket_quantile(bounds, counts.tolist(), 0.5)

        bucket = int(np.searchsorted(bounds, np.median(values)))
        assert found is not None
        assert [0, *bounds][bucket] <= found <= [*bounds, bounds[-1]][bucket]
