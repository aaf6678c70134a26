from typing import Any

import numpy as np
import pytest
from tests.service.signals.watched import DOWN, MEDIAN, Watched, trial

from tsfm_runner.core.false_discovery import N_BINS
from tsfm_runner.service.signals.trials import Trial


def quiet(step: float, n: int) -> list[Trial]:
    """Return the prices of so many markets in which nothing happens."""
    return [
        trial(step, name=f"quiet-{place}", price=MEDIAN, p=1.0) for place in range(n)
    ]


def test_one_of_many_must_be_more_unlikely_than_one_alone() -> None:
    alone, among = Watched(), Watched()

    assert alone.see(0, trial(0, p=0.15))
    assert among.see(0, *quiet(0, 2_000), trial(0, p=0.15)) == []
    assert alone.told[0].q_value < 0.2


def test_many_that_move_together_need_less_each() -> None:
    watched = Watched()
    moving = [trial(0, name=f"moving-{place}", p=0.15) for place in range(40)]

    told = watched.see(0, *quiet(0, 200), *moving)

    assert {one.market_id for one in told} == {f"moving-{n}" for n in range(40)}


def test_a_market_that_was_not_enough_alone_opens_when_others_join_it() -> None:
    watched = Watched()
    assert watched.see(0, *quiet(0, 200), trial(0, p=0.15)) == []

    told = watched.see(
        0, *(trial(0, name=f"moving-{place}", p=0.15) for place in range(40))
    )

    assert "rain" in {one.market_id for one in told}


def test_markets_that_come_one_by_one_count_as_those_of_the_cycle_before() -> None:
    watched = Watched()
    watched.see(0, *quiet(0, 2_000))

    assert watched.see(1, trial(1, p=0.15)) == []
    assert watched.engine.n_watched == 2_000


def test_markets_told_of_two_steps_at_a_time_one_by_one_count_too() -> None:
    watched = Watched()
    watched.see(0, *quiet(0, 2_000))

    last = watched.see(2, trial(1, price=MEDIAN), trial(2, p=0.15))

    assert last == []
    assert watched.engine.n_watched == 2_000


@pytest.mark.parametrize(("minutes", "n_watched"), [(60, 2_000), (59, 1)])
def test_markets_count_for_as_long_as_bands_judge(minutes: int, n_watched: int) -> None:
    watched = Watched(lookback_minutes=minutes)
    watched.see(0, *quiet(0, 2_000))
    watched.see(11, *quiet(11, 1))

    watched.see(12, *quiet(12, 1))

    assert watched.engine.n_watched == n_watched


def test_markets_of_the_cycle_before_count_however_long_ago_that_was() -> None:
    watched = Watched()
    watched.see(0, *quiet(0, 2_000))

    assert watched.see(900, trial(900, p=0.15)) == []


def test_a_price_of_the_grid_time_before_joins_the_cycle_of_now() -> None:
    watched = Watched()
    watched.see(1, *quiet(1, 3))

    assert watched.see(0.9, trial(0.9), now=1)


def test_those_outside_already_do_not_let_others_pass_beside_them() -> None:
    watched = Watched()
    movers = [f"moving-{place}" for place in range(40)]
    watched.see(0, *quiet(0, 200), *(trial(0, name=name) for name in movers))
    assert len(watched.engine.open_breaches) == 40

    told = watched.see(
        1,
        *quiet(1, 200),
        *(trial(1, name=name) for name in movers),
        trial(1, p=0.15),
    )

    assert told == []


def test_what_comes_back_makes_the_next_ones_less_believed() -> None:
    watched = Watched()
    for step in range(0, 4_000, 20):
        watched.see(step, trial(step, p=0.05))
        watched.hear({step + 12: 0.51})
        watched.see(step + 12, trial(step + 12, price=MEDIAN, p=1.0))
        watched.see(step + 13, trial(step + 13, price=MEDIAN, p=1.0))
    counts = watched.engine.references.counts[300]

    believed = watched.engine.references.shares(300, np.array([0.05]))[0]

    assert counts.sum() > 200
    assert believed > 3 * Watched().engine.references.shares(300, np.array([0.05]))[0]


@pytest.mark.parametrize(("minutes", "steps"), [(60, 12), (32, 7), (1, 1)])
def test_calm_prices_count_once_it_is_known_which_of_the_others_are_back(
    minutes: int, steps: int
) -> None:
    watched = Watched(lookback_minutes=minutes)
    watched.see(0, *quiet(0, 2_000))
    counts = watched.engine.references.counts[300]

    for step in range(1, steps):
        watched.see(step, *quiet(step, 1))
    assert counts.sum() == 0
    watched.see(steps, *quiet(steps, 1))
    assert counts.sum() == pytest.approx(2_000, rel=0.01)


def test_in_the_first_hour_false_alarms_are_as_many_as_are_expected() -> None:
    rng = np.random.default_rng(7)
    watched = Watched(cooldown_minutes=0)
    for step in range(6):
        for name in range(1_000):
            is_far = rng.random() < 0.008  # with p <= 0.2: 0.04 of the p-value
            change = {} if is_far else {"price": MEDIAN}
            p = rng.uniform(0.001, 0.2) if is_far else 1.0
            watched.see(step, trial(step, name=f"m{name}", p=p, **change))

    assert len([one for one in watched.told if one.phase == "opened"]) <= 4


def test_what_stays_away_counts_nowhere() -> None:
    watched = Watched()
    watched.see(0, trial(0))

    watched.hear({11: 0.5})
    watched.hear({12: 0.58})
    watched.hear({13: 0.5})

    assert watched.engine.references.counts[300].sum() == 0


def test_what_is_told_too_late_or_never_counts_nowhere() -> None:
    watched = Watched()
    watched.see(0, trial(0))
    watched.see(0, trial(0, name="snow", price=DOWN))

    watched.hear({15: 0.5})
    watched.sweep(15)
    watched.hear({16: 0.5}, name="snow")

    assert watched.engine.references.counts[300].sum() == 0


def test_several_suspects_of_one_market_are_each_looked_at() -> None:
    watched = Watched(cooldown_minutes=0)
    watched.see(0, trial(0))
    watched.see(0, trial(0, step_s=900))
    watched.see(1, trial(1, price=DOWN))
    watched.sweep(1)

    watched.hear({12: 0.5})
    assert {step: one.sum() for step, one in counts_of(watched)} == {300: 1, 900: 1}
    watched.hear({13: 0.5})
    assert {step: one.sum() for step, one in counts_of(watched)} == {300: 2, 900: 1}


def counts_of(watched: Watched) -> list[tuple[int, np.ndarray]]:
    return list(watched.engine.references.counts.items())


def test_one_suspect_may_be_over_while_another_of_its_market_waits() -> None:
    watched = Watched(lookback_minutes=5)
    watched.see(0, trial(0))
    watched.see(0, trial(0, step_s=86_400))

    watched.sweep(50)
    watched.hear({300: 0.5})

    assert {step: one.sum() for step, one in counts_of(watched)} == {300: 0, 86_400: 1}


def test_old_observations_fade() -> None:
    watched = Watched(reference_half_life=10)
    for step in range(200):
        watched.see(step, trial(step, price=MEDIAN, p=1.0))

    assert watched.engine.references.counts[300].sum() == pytest.approx(
        1 / (1 - 0.5**0.1), rel=0.01
    )


@pytest.mark.parametrize(
    ("change", "price"),
    [({"return_move": 0.09}, 0.58), ({"lookback_minutes": 30}, 0.5)],
)
def test_what_it_is_to_be_back_can_be_set(change: dict[str, Any], price: float) -> None:
    usual, changed = Watched(), Watched(**change)
    for watched in (usual, changed):
        watched.see(0, trial(0))
        watched.hear({6: price} if "lookback_minutes" in change else {12: price})

    assert usual.engine.references.counts[300].sum() == 0
    assert changed.engine.references.counts[300].sum() == 1


def test_no_more_suspects_are_kept_than_fit() -> None:
    watched = Watched()
    watched.engine.references._n_suspects = 100_000  # noqa: SLF001 - too many to make

    watched.see(0, trial(0))
    watched.hear({12: 0.5})

    assert watched.engine.references.counts[300].sum() == 0


def test_the_reference_is_that_of_the_step_of_the_bands() -> None:
    watched = Watched()
    watched.see(0, *quiet(0, 50))
    watched.see(12, *quiet(12, 1))

    assert watched.engine.references.counts[300].sum() == pytest.approx(50)
    assert watched.engine.references.counts[300].shape == (N_BINS,)
    assert 3_600 not in watched.engine.references.counts
