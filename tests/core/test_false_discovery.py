import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.conformal.sketch import (
    N_BINS,
    edge_of,
    tail_margins,
    tail_shares,
)
from tsfm_runner.core.false_discovery import (
    N_BINS as N_REFERENCE_BINS,
)
from tsfm_runner.core.false_discovery import (
    discovery_q_values,
    reference_bin,
    reference_shares,
)

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


def by_definition(p: np.ndarray, n_tests: int, level: float) -> np.ndarray:
    """Return who is rejected: all up to the largest p that is below its line."""
    ranked = np.sort(p)
    below = [
        rank
        for rank in range(1, p.size + 1)
        if ranked[rank - 1] <= level * rank / n_tests
    ]
    return p <= (ranked[below[-1] - 1] if below else -1)


def test_q_values_by_hand() -> None:
    found = discovery_q_values(np.array([0.04, 0.01, 0.9]), n_tests=3)

    assert found.tolist() == pytest.approx([0.06, 0.03, 0.9])


@given(p=p_values, more=st.integers(0, 50), level=st.floats(0.01, 0.99))
def test_q_values_reject_as_benjamini_and_hochberg_do(
    p: np.ndarray, more: int, level: float
) -> None:
    n_tests = p.size + more
    q_values = discovery_q_values(p, n_tests=n_tests)
    is_near = np.isclose(q_values, level, rtol=1e-9)

    rejected = by_definition(p, n_tests, level)

    assert (rejected == (q_values <= level))[~is_near].all()


@given(p=p_values)
def test_the_order_of_tests_is_without_effect(p: np.ndarray) -> None:
    turned = discovery_q_values(p[::-1], n_tests=p.size)[::-1]

    assert turned.tolist() == discovery_q_values(p, n_tests=p.size).tolist()


def test_among_nothing_but_chance_few_cycles_have_a_discovery() -> None:
    rng = np.random.default_rng(20261126)
    draws = rng.uniform(size=(4_000, 40))

    found = [discovery_q_values(row, n_tests=40).min() <= 0.2 for row in draws]

    assert np.mean(found) == pytest.approx(0.2, abs=0.02)


def test_a_reference_makes_p_values_of_any_statistic_honest() -> None:
    rng = np.random.default_rng(20261126)
    draws = rng.uniform(size=(40_000, 3)).min(axis=1)
    counts = np.zeros(N_REFERENCE_BINS)
    np.add.at(counts, reference_bin(draws[:20_000]), 1)

    shares = reference_shares(draws[20_000:], counts, prior_weight=1.0, prior_rate=0.1)

    for level in (0.3, 0.1, 0.01):
        assert np.mean(shares <= level) <= level * 1.05
        assert np.mean(shares <= level) >= level * 0.8


def test_without_observations_the_first_guess_counts() -> None:
    shares = reference_shares(
        np.array([0.1, 1.0]),
        np.zeros(N_REFERENCE_BINS),
        prior_weight=999.0,
        prior_rate=0.5,
    )

    assert shares.tolist() == pytest.approx([(999 * 0.05 + 1) / 1_000, 1.0])


@given(
    sizes=st.lists(st.floats(0.001, 20), min_size=1, max_size=8).map(np.array),
    seed=st.integers(0, 1_000),
)
def test_margins_and_p_values_are_inverse(sizes: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = np.tile(rng.dirichlet(np.ones(N_BINS)), (sizes.size, 1))

    p = tail_shares(shares, sizes)
    again = tail_margins(shares, (p / 2)[:, None])[:, 0]

    assert again.tolist() == pytest.approx(sizes.tolist(), rel=1e-6)


@given(seed=st.integers(0, 1_000))
def test_larger_scores_are_less_likely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = np.sort(rng.exponential(size=50))
    shares = np.tile(rng.dirichlet(np.ones(N_BINS)), (50, 1))

    found = tail_shares(shares, sizes)

    assert (np.diff(found) <= 1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_p_values_are_shares_of_the_scores_they_came_from() -> None:
    rng = np.random.default_rng(1)
    edges = edge_of(np.arange(N_BINS - 1.0))
    scores = rng.exponential(size=20_000)
    counts = np.bincount(edges.searchsorted(scores), minlength=N_BINS)
    sizes = np.array([0.5, 1.0, 3.0])

    found = tail_shares(np.tile(counts / 20_000, (3, 1)), sizes)

    assert found.tolist() == pytest.approx(
        [(scores >= size).mean() for size in sizes], abs=0.004
    )
