import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.bootstrap import (
    Interval,
    group_draws,
    interval_of,
    ratio_interval,
)
from tsfm_runner.core.few_groups import expanded_coverage


def drawn(seed: int, *shape: int) -> tuple[FloatArray, FloatArray]:
    """Return scores and numbers of outcomes of groups of very unequal sizes."""
    rng = np.random.default_rng(seed)
    sizes = np.ceil(np.exp(rng.normal(3, 1, shape)))
    return sizes * rng.gamma(2, 0.5, shape), sizes


def assert_same_bits(one: Interval, other: Interval) -> None:
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_every_draw_takes_as_many_groups_as_there_are() -> None:
    draws = group_draws(7, n_draws=500, seed=1)

    assert draws.shape == (500, 7)
    assert (draws.sum(axis=1) == 7).all()


def test_draws_are_those_of_a_multinomial_distribution() -> None:
    draws = group_draws(10, n_draws=20_000, seed=2)

    assert draws.mean(axis=0) == pytest.approx(np.ones(10), abs=0.03)
    assert draws.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.05)
    covariance = np.cov(draws[:, 0], draws[:, 1])[0, 1]
    assert covariance == pytest.approx(-0.1, abs=0.03)


def test_a_seed_makes_the_draws() -> None:
    draws = [group_draws(9, n_draws=20, seed=seed) for seed in (3, 3, 4)]

    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_two_groups_by_hand() -> None:
    interval = ratio_interval(
        np.array([1.0, 3.0]), np.array([2.0, 2.0]), n_draws=200, seed=1
    )

    assert [float(edge) for edge in interval] == [1.0, 0.5, 1.5]


def test_many_equal_groups_have_the_interval_of_a_mean() -> None:
    values = np.random.default_rng(5).normal(3, 1, 2_000)

    value, low, high = ratio_interval(
        values, np.ones_like(values), n_draws=4_000, seed=5
    )

    reach = 1.96 * values.std() / math.sqrt(2_000)
    assert value == pytest.approx(values.mean())
    assert low == pytest.approx(values.mean() - reach, abs=0.1 * reach)
    assert high == pytest.approx(values.mean() + reach, abs=0.1 * reach)


@pytest.mark.parametrize("n_groups", [12, 60])
def test_the_interval_is_that_of_scipy_for_the_expanded_coverage(
    n_groups: int,
) -> None:
    numerator, denominator = drawn(6, n_groups)
    effective = min(one.sum() ** 2 / (one**2).sum() for one in (numerator, denominator))

    found = ratio_interval(numerator, denominator, n_draws=20_000, seed=6)

    theirs = stats.bootstrap(
        (numerator, denominator),
        lambda above, below, axis: above.sum(axis=axis) / below.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        confidence_level=expanded_coverage(effective - 1, coverage=0.95),
        method="percentile",
        rng=np.random.default_rng(7),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_the_interval_is_that_of_plain_loops_over_the_same_draws() -> None:
    numerator, denominator = drawn(8, 25)
    draws = group_draws(25, n_draws=300, seed=8)

    found = interval_of(draws, numerator, denominator, coverage=0.9)

    ratios = [
        math.fsum(times * numerator) / math.fsum(times * denominator) for times in draws
    ]
    effective = min(
        math.fsum(one) ** 2 / math.fsum(one**2) for one in (numerator, denominator)
    )
    expanded = expanded_coverage(effective - 1, coverage=0.9)
    edges = np.quantile(ratios, [(1 - expanded) / 2, (1 + expanded) / 2])
    value = math.fsum(numerator) / math.fsum(denominator)
    assert np.array(found) == pytest.approx(np.array([value, *edges]), abs=1e-12)


def test_a_few_uneven_groups_hold_the_truth_about_as_often_as_promised() -> None:
    rng = np.random.default_rng(9)
    sizes = np.ceil(np.exp(rng.normal(4, 1, (8, 2_000))))
    hits = rng.binomial(sizes.astype(int), rng.beta(9, 1, sizes.shape))

    _, low, high = ratio_interval(hits.astype(float), sizes, n_draws=500, seed=9)

    assert np.mean((low <= 0.9) & (high >= 0.9)) >= 0.93


def test_one_group_with_most_of_the_outcomes_widens_the_interval() -> None:
    values = np.random.default_rng(10).normal(1, 0.1, 30)
    even, uneven = np.ones(30), np.ones(30)
    uneven[0] = 100

    intervals = [
        ratio_interval(values * sizes, sizes, n_draws=500, seed=10)
        for sizes in (even, uneven)
    ]

    widths = [float(interval.high - interval.low) for interval in intervals]
    assert widths[1] > 1.5 * widths[0]


@given(seed=st.integers(0, 2**32), scale=st.integers(1, 8))
def test_the_interval_scales_with_the_numerator(seed: int, scale: int) -> None:
    numerator, denominator = drawn(seed, 15)
    draws = group_draws(15, n_draws=50, seed=11)

    found = interval_of(draws, 2.0**scale * numerator, denominator)

    plain = interval_of(draws, numerator, denominator)
    assert_same_bits(found, Interval(*(2.0**scale * edge for edge in plain)))


@given(seed=st.integers(0, 2**32))
def test_the_order_of_the_groups_makes_no_difference(seed: int) -> None:
    numerator, denominator = drawn(seed, 15)
    draws = group_draws(15, n_draws=50, seed=12)
    order = np.random.default_rng(seed).permutation(15)

    found = interval_of(draws[:, order], numerator[order], denominator[order])

    plain = interval_of(draws, numerator, denominator)
    assert (found.low, found.high) == (plain.low, plain.high)
    assert found.value == pytest.approx(plain.value, rel=1e-15)


@pytest.mark.parametrize("shape", [(203, 1), (203, 7), (203, 12, 5)])
def test_a_ratio_has_the_same_bits_whatever_is_computed_beside_it(
    shape: tuple[int, ...],
) -> None:
    numerator, denominator = drawn(13, *shape)
    draws = group_draws(203, n_draws=100, seed=13)

    found = interval_of(draws, numerator, denominator)

    assert found.low.shape == shape[1:]
    for place in np.ndindex(*shape[1:]):
        alone = interval_of(
            draws, numerator[:, *place].copy(), denominator[:, *place].copy()
        )
        assert alone == tuple(edge[place] for edge in found)


def test_a_ratio_has_the_same_bits_wherever_its_numbers_lie_in_memory() -> None:
    numerator, denominator = drawn(14, 203, 12, 5)
    draws = group_draws(203, n_draws=100, seed=14)

    found = interval_of(draws, numerator, denominator)

    columns = [np.asfortranarray(one) for one in (numerator, denominator)]
    assert_same_bits(found, interval_of(np.asfortranarray(draws), *columns))


def test_one_denominator_serves_many_numerators() -> None:
    numerator, _ = drawn(15, 20, 3, 4)
    _, denominator = drawn(16, 20, 3)
    draws = group_draws(20, n_draws=100, seed=15)

    found = interval_of(draws, numerator, denominator[..., np.newaxis])

    spread = np.repeat(denominator[..., np.newaxis], 4, axis=-1)
    assert_same_bits(found, interval_of(draws, numerator, spread))


def test_groups_of_the_same_ratio_leave_no_doubt() -> None:
    _, sizes = drawn(17, 40)

    interval = ratio_interval(sizes / 4, sizes, n_draws=100, seed=17)

    assert [float(edge) for edge in interval] == [0.25, 0.25, 0.25]


def test_one_group_tells_nothing_of_another() -> None:
    value, low, high = ratio_interval(
        np.array([3.0]), np.array([2.0]), n_draws=50, seed=18
    )

    assert value == 1.5
    assert np.isnan([low, high]).all()


def test_groups_without_outcomes_are_no_groups() -> None:
    numerator, denominator = np.zeros((2, 12, 3))
    numerator[0, 1], denominator[0, 1] = 3.0, 2.0
    numerator[[4, 7], 2], denominator[[4, 7], 2] = (1.0, 3.0), 2.0

    found = ratio_interval(numerator, denominator, n_draws=400, seed=19)

    expected = [[np.nan, 1.5, 1], [np.nan, np.nan, 0.5], [np.nan, np.nan, 1.5]]
    np.testing.assert_array_equal(np.array(found), expected)


@pytest.mark.parametrize("coverage", [0.0, 1.0])
def test_an_impossible_coverage_is_refused(coverage: float) -> None:
    numerator, denominator = drawn(20, 9)

    with pytest.raises(ValueError, match="coverage must be in"):
        ratio_interval(numerator, denominator, n_draws=9, seed=20, coverage=coverage)
