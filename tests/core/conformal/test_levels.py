"""Tails and scales that follow what they let through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tsfm_runner.core.conformal.levels import (
    TRACKED_TAILS,
    adapt_market_scale,
    adapt_tails,
    tails_at,
)

NOMINAL = np.array(TRACKED_TAILS)
ONE = np.array(1.0)

tails = hnp.arrays(np.float64, len(TRACKED_TAILS), elements=st.floats(0.001, 0.45)).map(
    np.sort
)


def test_a_step_can_be_worked_out_by_hand() -> None:
    misses = np.array([0, 0, 0, 1, 1, 1, 1.0])

    moved = adapt_tails(NOMINAL, misses=misses, counts=ONE, rate=0.06)

    # One outcome: a sixth of the rate, so a hundredth of nominal less missed.
    assert moved == pytest.approx(
        [0.00505, 0.02525, 0.0505, 0.091, 0.192, 0.293, 0.394]
    )


@given(tails=tails, n=st.integers(1, 50))
def test_what_let_through_its_share_stays_as_it_was(tails: np.ndarray, n: int) -> None:
    inside = np.clip(tails, 0.1 * NOMINAL, 0.45)

    moved = adapt_tails(inside, misses=n * NOMINAL, counts=np.array(float(n)), rate=0.1)

    assert moved == pytest.approx(inside)


@given(tails=tails, misses=st.integers(0, 9))
def test_the_more_was_missed_the_smaller_the_tail(
    tails: np.ndarray, misses: int
) -> None:
    counts = np.array(10.0)

    fewer, more = (
        adapt_tails(tails, misses=np.full(7, float(n)), counts=counts, rate=0.1)
        for n in (misses, misses + 1)
    )

    assert (more <= fewer).all()


@given(tails=tails, n=st.integers(1, 40), rate=st.floats(0, 0.9))
def test_tails_stay_within_their_bounds(tails: np.ndarray, n: int, rate: float) -> None:
    for misses in (0.0, float(n)):
        moved = adapt_tails(
            tails, misses=np.full(7, misses), counts=np.array(float(n)), rate=rate
        )

        assert (moved >= 0.1 * NOMINAL).all()
        assert (moved <= 0.45).all()


def test_many_outcomes_at_once_count_as_one_step_at_the_most() -> None:
    few, many = (
        adapt_tails(NOMINAL, misses=np.full(7, n), counts=np.array(n), rate=0.01)
        for n in (5.0, 5e6)
    )

    assert NOMINAL[3] - few[3] == pytest.approx(0.5 * 0.01 * 0.9)
    assert NOMINAL[3] - many[3] == pytest.approx(0.01 * 0.9, rel=1e-5)


def test_each_segment_and_side_moves_alone() -> None:
    rng = np.random.default_rng(20260301)
    before = np.clip(rng.uniform(0, 0.4, (3, 2, 7)), 0.1 * NOMINAL, 0.45)
    counts = rng.integers(1, 9, (3, 2)).astype(np.float64)
    misses = np.floor(rng.random((3, 2, 7)) * counts[..., None])

    together = adapt_tails(before, misses=misses, counts=counts, rate=0.05)

    for where in np.ndindex(3, 2):
        alone = adapt_tails(
            before[where],
            misses=misses[where],
            counts=np.array(counts[where]),
            rate=0.05,
        )
        assert np.array_equal(together[where], alone)


@pytest.mark.parametrize("how", ["the same", "wider and wider", "in waves"])
def test_in_the_long_run_a_tail_lets_through_its_share(how: str) -> None:
    # The guarantee of Gibbs and Candes: |misses - nominal| <= reach / (rate x steps),
    # whatever the outcomes do, while no bound is touched.
    rng = np.random.default_rng(20260302)
    n_steps, rate = 20_000, 0.05
    factor = {
        "the same": np.ones(n_steps),
        "wider and wider": np.linspace(1, 4, n_steps),
        "in waves": 1.5 + np.sin(np.arange(n_steps) / 500),
    }[how]
    draws = rng.random(n_steps)
    tails, missed = NOMINAL, np.zeros((n_steps, 7))

    for step in range(n_steps):
        missed[step] = draws[step] < tails * factor[step]
        tails = adapt_tails(tails, misses=missed[step], counts=ONE, rate=rate)

    bound = 0.45 / (rate / 6 * n_steps)
    means = missed.mean(axis=0)
    assert means[3:5] == pytest.approx(NOMINAL[3:5], abs=bound)
    assert (means[5:] < NOMINAL[5:] + bound).all()  # their upper bound is touched


def test_without_following_a_drift_misses_its_share() -> None:
    rng = np.random.default_rng(20260302)
    factor = np.linspace(1, 4, 20_000)

    missed = rng.random(20_000)[:, None] < NOMINAL * factor[:, None]

    assert missed.mean(axis=0)[3] > 0.2


def test_tracked_tails_are_found_as_they_are() -> None:
    tails = np.array([0.004, 0.02, 0.06, 0.08, 0.21, 0.28, 0.41])

    assert tails_at(tails, TRACKED_TAILS) == pytest.approx(tails)


@given(tails=tails, wanted=st.floats(0.0001, 0.5))
def test_a_tail_between_is_that_of_numpy(tails: np.ndarray, wanted: float) -> None:
    expected = np.interp(wanted, [0, *TRACKED_TAILS, 0.5], [0, *tails, 0.5])

    assert tails_at(tails, [wanted]) == pytest.approx([expected])


@given(tails=tails)
def test_a_larger_tail_is_never_used_as_a_smaller_one(tails: np.ndarray) -> None:
    used = tails_at(tails, np.linspace(0.001, 0.5, 400).tolist())

    assert (np.diff(used) >= -1e-12).all()


def test_tails_of_many_are_those_of_each() -> None:
    rng = np.random.default_rng(20260303)
    tails = np.sort(rng.uniform(0.001, 0.45, (2, 3, 7)), axis=-1)
    wanted = [0.01, 0.15, 0.5]

    together = tails_at(tails, wanted)

    assert together.shape == (2, 3, 3)
    assert np.array_equal(together[1, 2], tails_at(tails[1, 2], wanted))


@given(
    log_scale=st.floats(-3, 3),
    misses=st.sampled_from([0.0, 0.5]),
    leak=st.floats(0, 1),
    rate=st.floats(0, 0.99),
)
def test_the_scale_of_a_market_stays_within_bounds(
    log_scale: float, misses: float, leak: float, rate: float
) -> None:
    [moved] = adapt_market_scale(
        np.array([log_scale]), misses=np.array([misses]), tail=0.1, leak=leak, rate=rate
    )

    assert -3 <= moved <= 3
    unbounded = (1 - leak) * log_scale + rate * (misses - 0.1)
    assert moved == pytest.approx(np.clip(unbounded, -3, 3))


def test_a_miss_widens_a_market_and_a_hit_narrows_it() -> None:
    [missed, hit] = adapt_market_scale(
        np.zeros(2), misses=np.array([0.5, 0.0]), tail=0.1, leak=0.03, rate=0.1
    )

    assert (missed, hit) == (pytest.approx(0.04), pytest.approx(-0.01))


def test_a_market_twice_as_wide_as_its_segment_ends_wider_than_the_others() -> None:
    rng = np.random.default_rng(20260304)
    truth = np.repeat([1.0, 2.0], 200)
    log_scale = np.zeros(400)
    missed = np.zeros((2_000, 400))

    for step in range(2_000):
        outside = np.abs(rng.normal(size=400)) * truth > 1.2816 * np.exp(log_scale)
        missed[step] = outside
        log_scale = adapt_market_scale(
            log_scale, misses=outside / 2, tail=0.1, leak=0.01, rate=0.1
        )

    assert missed[500:, :200].mean() == pytest.approx(0.2, abs=0.01)
    # Twice as wide, a miss in two without a scale of its own; the leak leaves some.
    assert missed[0, 200:].mean() > 0.45
    assert missed[500:, 200:].mean() < 0.32
    assert np.median(log_scale[200:]) - np.median(log_scale[:200]) > 0.3
