"""Cycles start on time, and models leave enough of it."""

import pytest
from tests.fakes import FakeClock

from tsfm_runner.config import CycleConfig
from tsfm_runner.service.cycle_times import Schedule


def schedule(interval_s: float | None) -> tuple[Schedule, FakeClock]:
    clock = FakeClock()
    return Schedule(clock, interval_s, first_s=0.0), clock


def test_a_cycle_alone_has_the_whole_budget() -> None:
    once, _ = schedule(None)

    assert once.budget(CycleConfig(budget_s=40)).length_s == 40


@pytest.mark.parametrize(("share", "length_s"), [(0.5, 5), (0.2, 2), (1, 10)])
def test_repeated_cycles_take_at_most_a_share_of_the_interval(
    share: float, length_s: float
) -> None:
    often, _ = schedule(10.0)

    budget = often.budget(CycleConfig(max_share_of_interval=share))

    assert budget.length_s == pytest.approx(length_s)


def test_models_leave_the_reserve_and_what_each_market_needs() -> None:
    once, clock = schedule(None)
    config = CycleConfig(budget_s=10, reserve_s=1, reserve_ms_per_market=5)
    budget = once.budget(config)
    clock.now_s = 2.0

    assert budget.elapsed_s == 2
    assert budget.models_s(200) == pytest.approx(10 - 2 - 1 - 200 * 0.005)


@pytest.mark.parametrize("setting", ["reserve_s", "reserve_ms_per_market"])
def test_a_larger_reserve_leaves_models_less(setting: str) -> None:
    once, _ = schedule(None)

    usual = once.budget(CycleConfig()).models_s(100)
    larger = once.budget(CycleConfig.model_validate({setting: 20.0})).models_s(100)

    assert larger < usual


def test_models_have_no_time_once_the_budget_is_used_up() -> None:
    once, clock = schedule(None)
    budget = once.budget(CycleConfig(budget_s=10))
    clock.now_s = 11.0

    assert budget.remaining_s == 0
    assert budget.models_s(1) == 0


def test_the_next_cycle_starts_one_interval_after_the_last_start() -> None:
    often, clock = schedule(10.0)
    clock.now_s = 4.0

    following = often.next_start(0)

    assert following == 1
    assert often.wait_s(following) == 6


def test_a_cycle_that_overran_waits_for_the_next_multiple() -> None:
    often, clock = schedule(10.0)
    clock.now_s = 34.0

    following = often.next_start(1)

    assert following == 4
    assert often.wait_s(following) == 6


def test_the_first_cycle_starts_at_once() -> None:
    often, _ = schedule(10.0)

    assert often.wait_s(0) == 0


def test_a_cycle_alone_is_followed_by_the_next_place() -> None:
    once, clock = schedule(None)
    clock.now_s = 1_000

    assert once.next_start(3) == 4
