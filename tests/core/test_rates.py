"""Exact bounds of a rate: by hand, by their invariances, by other libraries."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from tsfm_runner.core.rates import binomial_tail, rate_bounds

counts = st.tuples(st.integers(0, 400), st.integers(0, 400)).map(
    lambda pair: (min(pair), max(pair))
)
rates = st.floats(1e-4, 1 - 1e-4)


def test_a_tail_can_be_worked_out_by_hand() -> None:
    # Two or three of three, each with 1/4: 3 x (1/4)^2 x 3/4 + (1/4)^3 = 10/64.
    assert binomial_tail(2, 3, rate=0.25) == pytest.approx(10 / 64, rel=1e-14)


def test_bounds_can_be_worked_out_by_hand() -> None:
    # All of n: the lower bound is the n-th root of the doubt. Of none the mirror.
    assert rate_bounds(4, 4, doubt=0.0001) == pytest.approx((0.1, 1))
    assert rate_bounds(0, 4, doubt=0.0001) == pytest.approx((0, 0.9))


def test_one_failure_of_three_does_not_speak_against_one_in_a_thousand() -> None:
    low, _ = rate_bounds(1, 3, doubt=0.0001)

    assert low < 0.001
    assert binomial_tail(1, 3, rate=0.001) == pytest.approx(1 - 0.999**3)


@given(pair=counts, rate=rates)
def test_a_tail_is_that_of_scipy(pair: tuple[int, int], rate: float) -> None:
    n_hits, n = pair

    tail = binomial_tail(n_hits, n, rate=rate)

    assert tail == pytest.approx(stats.binom.sf(n_hits - 1, n, rate), rel=1e-9)


@pytest.mark.parametrize("n", [10_000, 1_000_000])
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.7])
def test_a_tail_of_many_is_that_of_scipy(n: int, rate: float) -> None:
    spread = math.sqrt(n * rate * (1 - rate))
    hits = [round(n * rate + z * spread) for z in (-3, -1, 0, 1, 5)]

    tails = [binomial_tail(one, n, rate=rate) for one in hits]

    assert tails == pytest.approx(stats.binom.sf(np.array(hits) - 1, n, rate), rel=1e-6)


@given(pair=counts)
def test_bounds_are_those_of_statsmodels(pair: tuple[int, int]) -> None:
    n_hits, n = pair
    assume(n > 0)

    bounds = rate_bounds(n_hits, n, doubt=0.001)

    expected = proportion_confint(n_hits, n, alpha=0.002, method="beta")
    assert bounds == pytest.approx(expected, abs=1e-9)


@given(n_hits=st.integers(0, 20), n=st.integers(0, 20))
def test_a_tail_is_the_sum_of_its_terms(n_hits: int, n: int) -> None:
    assume(n_hits <= n)
    rate = Fraction(1, 7)

    tail = binomial_tail(n_hits, n, rate=float(rate))

    terms = (
        math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n_hits, n + 1)
    )
    assert tail == pytest.approx(float(sum(terms)), rel=1e-12)


@given(pair=counts)
def test_hits_and_misses_mirror_each_other(pair: tuple[int, int]) -> None:
    n_hits, n = pair

    low, high = rate_bounds(n_hits, n, doubt=0.01)

    mirrored = rate_bounds(n - n_hits, n, doubt=0.01)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


@given(pair=counts)
def test_bounds_hold_the_share_and_widen_with_less_doubt(pair: tuple[int, int]) -> None:
    n_hits, n = pair
    assume(n > 0)

    low, high = rate_bounds(n_hits, n, doubt=0.01)
    lower, higher = rate_bounds(n_hits, n, doubt=0.0001)

    assert 0 <= lower <= low <= n_hits / n <= high <= higher <= 1


@given(pair=counts, rate=rates)
def test_more_hits_are_never_likelier(pair: tuple[int, int], rate: float) -> None:
    n_hits, n = pair
    assume(n_hits < n)

    more, fewer = (binomial_tail(n_hits + one, n, rate=rate) for one in (1, 0))

    assert more <= fewer + 1e-12


def test_nothing_is_known_without_trials() -> None:
    assert rate_bounds(0, 0, doubt=0.001) == (0, 1)
    assert binomial_tail(0, 0, rate=0.3) == 1


@pytest.mark.parametrize(("rate", "tail"), [(0, 0), (1, 1)])
def test_a_rate_may_be_none_or_all(rate: float, tail: float) -> None:
    assert binomial_tail(2, 5, rate=rate) == tail


@pytest.mark.parametrize(
    ("n_hits", "n", "rate"), [(-1, 3, 0.5), (4, 3, 0.5), (1, 3, -0.1), (1, 3, 1.1)]
)
def test_what_cannot_be_is_no_tail(n_hits: int, n: int, rate: float) -> None:
    with pytest.raises(ValueError, match="must lie"):
        binomial_tail(n_hits, n, rate=rate)


@pytest.mark.parametrize(
    ("n_hits", "n", "doubt"), [(-1, 3, 0.1), (4, 3, 0.1), (1, 3, 0), (1, 3, 0.5)]
)
def test_what_cannot_be_has_no_bounds(n_hits: int, n: int, doubt: float) -> None:
    with pytest.raises(ValueError, match="must lie"):
        rate_bounds(n_hits, n, doubt=doubt)
