"""Sketches of score sizes: against quantiles of the sizes, and against crepes."""

import numpy as np
import pytest
from crepes import ConformalRegressor
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tsfm_runner.core.conformal.sketch import (
    N_BINS,
    bin_of,
    edge_of,
    shrink,
    tail_margins,
)

WIDTH = 0.095  # of a bin, as a share of its size, far from nothing
LARGEST = float(edge_of(np.array(N_BINS - 1.0)))

sizes = hnp.arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(st.just(0.0), st.floats(1e-9, 20.0)),
)
counts = hnp.arrays(np.float64, N_BINS, elements=st.floats(0, 1e4))


def sketched(scores: np.ndarray) -> np.ndarray:
    """Return the shares of the bins of some sizes."""
    return np.bincount(bin_of(scores), minlength=N_BINS) / scores.size


@pytest.mark.parametrize("place", range(1, N_BINS - 1))
def test_a_bin_ends_with_its_edge(place: int) -> None:
    edge = edge_of(np.array([float(place)]))

    assert bin_of(edge * (1 - 1e-9)).tolist() == [place]
    assert bin_of(edge * (1 + 1e-9)).tolist() == [place + 1]


def test_edges_can_be_worked_out_by_hand() -> None:
    edges = edge_of(np.array([1.0, 20.0]))

    assert edges == pytest.approx([0.05 * np.sinh(0.09), 0.05 * np.sinh(1.8)])


def test_nothing_has_a_bin_of_its_own_and_the_last_takes_what_is_larger() -> None:
    assert bin_of(np.array([0.0, 1e-12, LARGEST, 1e6, np.inf])).tolist() == [
        0,
        1,
        N_BINS - 1,
        N_BINS - 1,
        N_BINS - 1,
    ]


@given(sizes=sizes, factor=st.floats(1, 50))
def test_a_larger_size_is_never_in_an_earlier_bin(
    sizes: np.ndarray, factor: float
) -> None:
    ascending = np.sort(sizes)

    assert (np.diff(bin_of(ascending)) >= 0).all()
    assert (bin_of(factor * sizes) >= bin_of(sizes)).all()


def test_far_from_nothing_a_bin_is_nine_percent_wide() -> None:
    edges = edge_of(np.arange(20.0, N_BINS))

    assert (np.diff(edges) / edges[:-1]).max() < 0.1
    assert np.diff(edges[40:]) / edges[40:-1] == pytest.approx(np.expm1(0.09), rel=1e-2)


@given(counts=counts, overall=counts, weight=st.floats(0.1, 1e3))
def test_shares_add_up_to_one(
    counts: np.ndarray, overall: np.ndarray, weight: float
) -> None:
    shares = shrink(counts, overall + 1e-3, weight=weight)

    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()


@given(counts=counts, overall=counts, weight=st.floats(0.1, 1e3))
def test_a_shrunk_share_lies_between_that_of_the_segment_and_that_of_all(
    counts: np.ndarray, overall: np.ndarray, weight: float
) -> None:
    own = (counts + 1e-3) / (counts + 1e-3).sum()
    base = (overall + 1e-3) / (overall + 1e-3).sum()

    shares = shrink(counts + 1e-3, overall + 1e-3, weight=weight)

    assert (shares >= np.minimum(own, base) - 1e-12).all()
    assert (shares <= np.maximum(own, base) + 1e-12).all()


def test_without_weight_the_segment_stands_alone_and_with_all_of_it_vanishes() -> None:
    rng = np.random.default_rng(20260220)
    counts, overall = rng.random((2, 3, N_BINS)) * 100

    alone = shrink(counts, overall, weight=1e-9)
    together = shrink(counts, overall, weight=1e12)

    assert alone == pytest.approx(counts / counts.sum(axis=1, keepdims=True))
    assert together == pytest.approx(overall / overall.sum(axis=1, keepdims=True))


def test_an_empty_segment_is_like_all_others() -> None:
    overall = np.arange(1.0, N_BINS + 1)

    shares = shrink(np.zeros(N_BINS), overall, weight=50)

    assert shares == pytest.approx(overall / overall.sum())


@given(sizes=sizes, cut=st.integers(0, 60))
def test_sketches_of_two_parts_add_up_to_that_of_the_whole(
    sizes: np.ndarray, cut: int
) -> None:
    one, two = sizes[:cut], sizes[cut:]

    parts = [np.bincount(bin_of(part), minlength=N_BINS) for part in (one, two)]

    whole = np.bincount(bin_of(sizes), minlength=N_BINS)
    assert np.array_equal(parts[0] + parts[1], whole)


def brute_force(scores: np.ndarray, tail: float) -> tuple[float, float]:
    """Return the order statistics around the quantile that leaves 2 x tail."""
    ascending = np.sort(scores)
    place = (1 - 2 * tail) * scores.size
    low = max(int(np.floor(place)) - 1, 0)
    high = min(int(np.ceil(place)), scores.size - 1)
    return float(ascending[low]), float(ascending[high])


@pytest.mark.parametrize("tail", [0.005, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4])
@pytest.mark.parametrize("share_of_nothing", [0.0, 0.3, 0.7])
def test_margins_are_quantiles_of_the_sizes_to_a_bin(
    tail: float, share_of_nothing: float
) -> None:
    rng = np.random.default_rng(20260221)
    scores = np.abs(rng.standard_t(4, size=20_000))
    scores[rng.random(scores.size) < share_of_nothing] = 0.0

    margin = tail_margins(sketched(scores), np.array([tail])).item()

    low, high = brute_force(scores, tail)
    assert low * (1 - WIDTH) <= margin <= high * (1 + WIDTH)


@given(sizes=sizes, tail=st.floats(0.001, 0.5))
def test_what_lies_beyond_the_bin_of_a_margin_is_at_most_the_tail(
    sizes: np.ndarray, tail: float
) -> None:
    scores = np.minimum(sizes, LARGEST)

    margin = tail_margins(sketched(scores), np.array([tail])).item()

    bin_end = edge_of(np.ceil(np.array(bin_of(np.array([margin]))))).item()
    assert (scores > bin_end + 1e-9).mean() <= 2 * tail + 1e-9


@pytest.mark.parametrize(("tail", "is_nothing"), [(0.151, True), (0.149, False)])
def test_the_atom_at_nothing_is_exact(tail: float, *, is_nothing: bool) -> None:
    scores = np.r_[np.zeros(700), np.linspace(0.5, 1, 300)]

    margin = tail_margins(sketched(scores), np.array([tail])).item()

    assert (margin == 0) is is_nothing


def test_a_larger_tail_never_has_a_larger_margin() -> None:
    rng = np.random.default_rng(20260222)
    shares = rng.dirichlet(np.full(N_BINS, 0.2), size=50)
    tails = np.tile(np.linspace(0.001, 0.5, 300), (50, 1))

    margins = tail_margins(shares, tails)

    assert (np.diff(margins, axis=1) <= 1e-12).all()
    assert (margins >= 0).all()
    assert np.isfinite(margins).all()


def test_a_tail_of_half_has_no_margin_and_one_of_nothing_the_largest() -> None:
    shares = np.full(N_BINS, 1 / N_BINS)

    margins = tail_margins(shares, np.array([0.5, 1e-15]))

    assert margins == pytest.approx([0, LARGEST])


def test_mass_is_spread_within_its_bin() -> None:
    shares = np.zeros(N_BINS)
    shares[41] = 1.0

    margins = tail_margins(shares, np.array([0.375, 0.25, 0.125]))

    assert margins == pytest.approx(edge_of(np.array([40.25, 40.5, 40.75])))


def test_many_distributions_have_the_margins_of_each_alone() -> None:
    rng = np.random.default_rng(20260223)
    shares = rng.dirichlet(np.ones(N_BINS), size=(4, 3))
    tails = rng.uniform(0.01, 0.5, size=(4, 3, 5))

    together = tail_margins(shares, tails)

    alone = [
        [tail_margins(shares[m, h], tails[m, h]) for h in range(3)] for m in range(4)
    ]
    assert np.array_equal(together, np.array(alone))


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_margins_agree_with_those_of_crepes(coverage: float) -> None:
    rng = np.random.default_rng(20260224)
    residuals = 0.4 * rng.standard_t(5, size=4_999)
    oracle = ConformalRegressor().fit(residuals)

    margin = tail_margins(
        sketched(np.abs(residuals)), np.array([(1 - coverage) / 2])
    ).item()

    [[low, high]] = oracle.predict_int(np.zeros(1), confidence=coverage)
    assert margin == pytest.approx(high, rel=WIDTH)
    assert margin == pytest.approx(-low, rel=WIDTH)


def test_scaled_margins_agree_with_those_of_crepes() -> None:
    rng = np.random.default_rng(20260225)
    scales = rng.choice([0.01, 0.05], size=5_000)
    residuals = scales * rng.laplace(size=5_000)
    oracle = ConformalRegressor().fit(residuals, sigmas=scales)

    margin = tail_margins(sketched(np.abs(residuals) / scales), np.array([0.1])).item()

    intervals = oracle.predict_int(
        np.zeros(2), sigmas=np.array([0.01, 0.05]), confidence=0.8
    )
    ours = margin * np.array([0.01, 0.05])
    assert ours == pytest.approx(intervals[:, 1], rel=WIDTH)
