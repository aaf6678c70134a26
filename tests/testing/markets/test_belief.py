"""Latent beliefs are martingales, and bands of one event keep their sum."""

from dataclasses import replace

import numpy as np
import pytest
from tests.testing.markets.market_samples import (
    LIVELY,
    Believed,
    assert_fair,
    believed,
)

from tsfm_runner.testing.markets import PRIORS
from tsfm_runner.testing.markets.profiles import Range, Shape

N_STEPS = 40


def by_event(values: np.ndarray, beliefs: Believed) -> np.ndarray:
    """Add up what markets of one event share; events are independent."""
    sums: np.ndarray = np.bincount(beliefs.event, weights=values)
    return sums


@pytest.mark.parametrize("prior", sorted(PRIORS))
def test_a_belief_goes_nowhere_on_average(prior: str) -> None:
    beliefs = believed(*PRIORS[prior], n_markets=12_000, n_steps=N_STEPS, seed=11)

    moved = beliefs.fair[-1] - beliefs.fair[0]

    assert_fair(by_event(moved, beliefs))
    assert np.abs(moved).mean() > 0.1


@pytest.mark.parametrize("prior", sorted(PRIORS))
def test_a_low_and_a_high_belief_are_fair_alike(prior: str) -> None:
    beliefs = believed(*PRIORS[prior], n_markets=12_000, n_steps=N_STEPS, seed=12)
    middle, end = beliefs.fair[N_STEPS // 2], beliefs.fair[-1]

    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        is_here = (middle > low) & (middle < high)
        surprises = by_event((end - middle) * is_here, beliefs)
        held = surprises[by_event(is_here, beliefs) > 0]

        assert held.size > 100
        assert_fair(held)


@pytest.mark.parametrize("ended_share", [0.0, 1.0])
def test_bands_of_a_whole_event_exclude_each_other(ended_share: float) -> None:
    profile = replace(LIVELY, shape="bands", ended_share=ended_share)
    beliefs = believed(profile, n_markets=1_000, seed=13)

    sums = np.stack([by_event(row, beliefs) for row in beliefs.fair])

    np.testing.assert_allclose(sums[:, :-1], 1.0, atol=1e-6)  # the last one is cut off


def test_rungs_of_a_ladder_contain_each_other() -> None:
    beliefs = believed(replace(LIVELY, shape="ladder"), n_markets=500, seed=14)
    is_pair = beliefs.event[1:] == beliefs.event[:-1]

    rise = np.diff(beliefs.fair, axis=1)[:, is_pair]

    assert is_pair.sum() > 300
    assert (rise <= 1e-9).all()


@pytest.mark.parametrize("shape", ["single", "bands", "ladder"])
def test_what_has_ended_is_decided_and_stays_so(shape: Shape) -> None:
    ended = replace(
        LIVELY,
        shape=shape,
        ended_share=1.0,
        ended_at=Range(0.2, 0.9),
        pace=replace(LIVELY.pace, hazard_share=0.5, hazard_start=Range(0.1, 0.6)),
    )
    beliefs = believed(ended, n_markets=600, seed=15)

    ends = beliefs.fair[-1]
    assert set(ends) <= {0.0, 1.0}
    assert 0.05 < ends.mean() < 0.95
    assert (beliefs.fair == ends)[beliefs.is_over].all()
    assert beliefs.is_over.any(axis=0).all()
    assert np.isin(beliefs.fair[~beliefs.is_over], (0.0, 1.0)).mean() < 0.1


def test_what_ends_later_is_not_decided_yet() -> None:
    beliefs = believed(LIVELY, n_markets=300, seed=16)

    assert not beliefs.is_over.any()
    assert ((beliefs.fair > 0) & (beliefs.fair < 1)).mean() > 0.95
