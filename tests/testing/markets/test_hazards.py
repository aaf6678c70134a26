"""Something may decide a question at any moment: fairly, and either way."""

from dataclasses import replace

import numpy as np
import pytest
from tests.testing.markets.market_samples import QUIET, assert_fair, believed

from tsfm_runner.testing.markets.hazards import hazard_paths, with_hazards
from tsfm_runner.testing.markets.profiles import Profile, Range
from tsfm_runner.testing.markets.traits import HazardTraits

N_EVENTS = 10_000
N_STEPS = 40
LEAST_LEAP = 0.2


def paths_of(
    rate: float, start: float, *, seed: int, close: float = np.inf
) -> np.ndarray:
    hazards = HazardTraits(
        rate=np.full(N_EVENTS, rate),
        start=np.full(N_EVENTS, start),
        is_no=np.zeros(N_EVENTS, dtype=bool),
    )
    return hazard_paths(
        hazards,
        steps_to_close=np.full(N_EVENTS, close),
        n_steps=N_STEPS,
        rng=np.random.default_rng(seed),
    )


def hazardous(*, no_share: float, start: float = 0.3) -> Profile:
    pace = replace(
        QUIET.pace,
        hazard_share=1.0,
        hazard_no_share=no_share,
        hazard_rate=Range(0.01, 0.01),
        hazard_start=Range(start, start),
    )
    return replace(QUIET, pace=pace)


@pytest.mark.parametrize("close", [np.inf, 25.5])
@pytest.mark.parametrize(("rate", "start"), [(0.002, 0.05), (0.05, 0.3), (0.9, 0.6)])
def test_a_hazard_is_a_martingale(rate: float, start: float, close: float) -> None:
    paths = paths_of(rate, start, seed=21, close=close)

    assert ((paths >= 0) & (paths <= 1)).all()
    assert (paths[0] == start).all()
    for step in (1, 10, N_STEPS - 1):
        assert_fair(paths[step] - start)
    assert_fair(paths[-1] - paths[N_STEPS // 2])


def test_a_hazard_strikes_as_often_as_its_rate() -> None:
    paths = paths_of(0.01, 0.5, seed=22)

    strikes = np.diff(paths[:2], axis=0) > 0
    assert_fair(strikes[0] - 0.01)


def test_a_hazard_that_does_not_strike_sinks() -> None:
    paths = paths_of(0.01, 0.5, seed=23)

    is_spared = (np.diff(paths, axis=0) < 0).all(axis=0)
    assert 0.5 < is_spared.mean() < 0.8
    assert (paths[-1, is_spared] < 0.4).all()


def test_at_the_close_it_is_known_whether_a_hazard_decided() -> None:
    paths = paths_of(0.01, 0.3, seed=24, close=9.5)

    assert (paths[:10] % 1 > 0).all()
    assert set(paths[10]) == {0.0, 1.0}
    assert (paths[10:] == paths[10]).all()


def test_without_a_hazard_nothing_is_thought_of_it() -> None:
    assert not paths_of(0.0, 0.5, seed=25).any()


def test_a_strike_decides_for_or_against() -> None:
    fair = np.array([[0.5, 0.5, 0.5, 0.5]])
    hazard = np.array([[0.2, 0.2, 1.0, 1.0]])
    is_no = np.array([False, True, False, True])

    both = with_hazards(fair, hazard, is_no=is_no)

    assert both[0] == pytest.approx([0.6, 0.4, 1.0, 0.0])


@pytest.mark.parametrize(("no_share", "sign"), [(0.0, 1), (1.0, -1)])
def test_leaps_go_the_way_of_the_strike(no_share: float, sign: int) -> None:
    fair = believed(hazardous(no_share=no_share), n_markets=500, seed=26).fair

    steps = np.diff(fair, axis=0)
    leaps = steps[np.abs(steps) > LEAST_LEAP]
    assert leaps.size > 30
    assert (np.sign(leaps) == sign).all()
    assert (np.sign(steps[np.abs(steps) <= LEAST_LEAP]) == -sign).mean() > 0.9


def test_strikes_of_either_kind_keep_a_belief_fair() -> None:
    beliefs = believed(hazardous(no_share=0.5), n_markets=3_000, seed=27)

    moved = beliefs.fair[-1] - beliefs.fair[0]
    assert_fair(moved)
    is_no = beliefs.events.hazards.is_no
    for chosen in (moved[is_no], moved[~is_no]):
        assert chosen.size > 1_000
        assert_fair(chosen)


def test_only_questions_that_stand_alone_have_hazards() -> None:
    bands = replace(hazardous(no_share=0.3), shape="bands")

    events = believed(bands, n_markets=60, n_steps=2).events

    assert not events.hazards.rate[events.n_markets > 1].any()
