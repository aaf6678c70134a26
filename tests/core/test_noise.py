import math

import numpy as np
import pytest
from scipy import stats

from tsfm_runner.core.noise import near_ceiling


def ceiling(
    *counts: int,
    step: int = 1,
    coverage: float = 0.8,
    near: float = 0.05,
    n_draws: int = 2_000,
    seed: int = 20260220,
) -> float:
    return near_ceiling(
        np.array(counts, dtype=np.int64),
        step=step,
        coverage=coverage,
        near=near,
        n_draws=n_draws,
        seed=seed,
    )


def test_a_single_outcome_is_always_far_from_its_target() -> None:
    assert ceiling(1) == 0


def test_of_five_outcomes_four_must_hit() -> None:
    assert ceiling(5) == pytest.approx(5 * 0.8**4 * 0.2, abs=0.03)


@pytest.mark.parametrize("n", [20, 30, 100, 290, 1_000])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_one_step_ahead_hits_are_binomial(n: int, coverage: float) -> None:
    least = math.ceil(n * (coverage - 0.05) - 1e-6)
    most = math.floor(n * (coverage + 0.05) + 1e-6)

    found = ceiling(n, coverage=coverage)

    hits = stats.binom(n, coverage)
    assert found == pytest.approx(hits.cdf(most) - hits.cdf(least - 1), abs=0.035)


@pytest.mark.parametrize("step", [2, 12])
def test_two_outcomes_share_all_but_one_of_their_changes(step: int) -> None:
    overlap = (step - 1) / step
    reach = stats.norm.ppf(0.75)
    both = stats.multivariate_normal([0, 0], [[1, overlap], [overlap, 1]])

    found = ceiling(2, step=step, coverage=0.5, n_draws=6_000)

    both_hit = both.cdf([reach, reach], lower_limit=[-reach, -reach])
    assert found == pytest.approx(2 * (0.5 - both_hit), abs=0.02)


def test_more_steps_ahead_fewer_markets_can_be_near() -> None:
    shares = [ceiling(290, step=step) for step in (1, 3, 6, 12)]

    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] - 0.2


def test_more_outcomes_bring_more_markets_near() -> None:
    shares = [ceiling(n, step=6) for n in (30, 100, 300, 1_000, 4_096)]

    assert shares == sorted(shares)
    assert shares[-1] > 0.99


def test_the_share_is_the_mean_over_markets_in_any_order() -> None:
    each = [ceiling(n, step=3) for n in (30, 30, 200)]

    assert ceiling(30, 30, 200, step=3) == pytest.approx(sum(each) / 3)
    assert ceiling(200, 30, 30, step=3) == ceiling(30, 30, 200, step=3)


def test_a_wider_margin_has_more_markets_near() -> None:
    shares = [ceiling(50, step=3, near=near) for near in (0.02, 0.05, 0.1, 1)]

    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_market_longer_than_any_walk_counts_as_the_longest() -> None:
    assert ceiling(50_000, step=12) == ceiling(4_096, step=12)


def test_markets_without_outcomes_are_left_out() -> None:
    assert ceiling(0, 100, 0) == ceiling(100)
    assert math.isnan(ceiling(0, 0))
    assert math.isnan(ceiling())


def test_a_seed_makes_the_share() -> None:
    shares = [ceiling(100, step=3, n_draws=100, seed=seed) for seed in (1, 1, 2, 3)]

    assert shares[0] == shares[1]
    assert len(set(shares)) > 1


def test_a_step_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="step must be at least 1, got 0"):
        ceiling(30, step=0)


@pytest.mark.parametrize("coverage", [0.0, 1.0])
def test_an_impossible_coverage_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage must be in"):
        ceiling(30, coverage=coverage)
