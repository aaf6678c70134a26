"""Intervals for a share of hits: by hand, by its invariances, by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.conformal.coverage import (
    ClusterSums,
    coverage_interval,
    effective_size,
    wilson_interval,
)

Z = 1.959963984540054
clusters = st.lists(
    st.tuples(st.integers(1, 40), st.floats(0, 1)), min_size=2, max_size=20
)


def sums_of(sizes: np.ndarray, hits: np.ndarray) -> ClusterSums:
    return ClusterSums(
        sizes.size,
        float(sizes.sum()),
        float(hits.sum()),
        float((sizes**2).sum()),
        float((sizes * hits).sum()),
        float((hits**2).sum()),
    )


def drawn(pairs: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.array([size for size, _ in pairs])
    return sizes, np.array([round(size * share) for size, share in pairs])


def wilson(share: float, n: float) -> tuple[float, float]:
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    root = math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    reach = Z * root / (1 + Z**2 / n)
    return centre - reach, centre + reach


def test_an_interval_can_be_worked_out_by_hand() -> None:
    # Shares of 1/2 and 1, as if 2 n: between = 2 (2 - 1.5)^2 x 2 clusters, so n = 1.5.
    sums = sums_of(np.array([2, 2]), np.array([1, 2]))

    interval = coverage_interval(sums, z=Z)

    assert interval == pytest.approx(wilson(0.75, 4 * 0.75 / 1))


def test_clusters_are_worth_fewer_outcomes_than_they_have() -> None:
    # As above; and of five alone the variance between is 5/4 of that within.
    pairs = sums_of(np.array([2, 2]), np.array([1, 2]))
    alone = sums_of(np.full(5, 1), np.array([1, 0, 1, 0, 1]))

    assert effective_size(pairs) == pytest.approx(3.0)
    assert effective_size(alone) == pytest.approx(4.0)


def test_the_interval_of_a_share_is_that_of_wilson() -> None:
    assert wilson_interval(0.75, 3.0, z=Z) == pytest.approx(wilson(0.75, 3.0))
    assert wilson_interval(0.0, 3.0, z=Z)[0] == pytest.approx(0.0)


@pytest.mark.parametrize("n_clusters", [0, 1])
def test_from_less_than_two_clusters_nothing_can_be_told(n_clusters: int) -> None:
    sums = ClusterSums(n_clusters, 10, 9, 100, 90, 81)

    assert coverage_interval(sums, z=Z) is None


@pytest.mark.parametrize("hits", [0, 10])
def test_a_share_of_none_or_all_is_as_sure_as_its_clusters(hits: int) -> None:
    sums = sums_of(np.full(6, 10), np.full(6, hits))

    assert coverage_interval(sums, z=Z) == pytest.approx(wilson(hits / 10, 6))


@given(pairs=clusters)
def test_an_interval_holds_its_share_within_bounds(
    pairs: list[tuple[int, float]],
) -> None:
    sizes, hits = drawn(pairs)

    interval = coverage_interval(sums_of(sizes, hits), z=Z)

    assert interval is not None
    low, high = interval
    assert 0 <= low <= hits.sum() / sizes.sum() + 1e-12
    assert hits.sum() / sizes.sum() - 1e-12 <= high <= 1
    assert high > low


@given(pairs=clusters)
def test_hits_and_misses_mirror_each_other(pairs: list[tuple[int, float]]) -> None:
    sizes, hits = drawn(pairs)

    of_hits = coverage_interval(sums_of(sizes, hits), z=Z)
    of_misses = coverage_interval(sums_of(sizes, sizes - hits), z=Z)

    assert of_hits is not None
    assert of_misses is not None
    assert (1 - of_hits[1], 1 - of_hits[0]) == pytest.approx(of_misses, abs=1e-6)


@given(pairs=clusters)
def test_an_interval_is_never_surer_than_independent_outcomes_would_be(
    pairs: list[tuple[int, float]],
) -> None:
    sizes, hits = drawn(pairs)
    low, high = wilson(hits.sum() / sizes.sum(), sizes.sum())

    interval = coverage_interval(sums_of(sizes, hits), z=Z)

    assert interval is not None
    assert interval[1] - interval[0] >= min(high, 1) - max(low, 0) - 1e-9


@pytest.mark.parametrize("truth", [0.8, 0.9])
def test_an_interval_holds_the_truth_as_often_as_it_says(truth: float) -> None:
    rng = np.random.default_rng(20260226)
    held, held_naively = [], []

    for _ in range(1_500):
        sizes = rng.integers(5, 60, size=120)
        shares = rng.beta(4 * truth, 4 * (1 - truth), size=sizes.size)
        hits = rng.binomial(sizes, shares)
        interval = coverage_interval(sums_of(sizes, hits), z=Z)
        assert interval is not None
        low, high = wilson(hits.sum() / sizes.sum(), sizes.sum())
        held.append(interval[0] <= truth <= interval[1])
        held_naively.append(low <= truth <= high)

    assert 0.93 <= np.mean(held) <= 0.97
    assert np.mean(held_naively) < 0.75


def test_independent_outcomes_are_not_made_less_sure_than_they_are() -> None:
    rng = np.random.default_rng(20260227)
    widths, naive = [], []

    for _ in range(200):
        sizes = np.full(200, 10)
        hits = rng.binomial(sizes, 0.9)
        interval = coverage_interval(sums_of(sizes, hits), z=Z)
        assert interval is not None
        low, high = wilson(hits.sum() / 2_000, 2_000)
        widths.append(interval[1] - interval[0])
        naive.append(high - low)

    assert np.mean(widths) == pytest.approx(np.mean(naive), rel=0.05)
