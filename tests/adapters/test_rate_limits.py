"""Forecasts are counted for each caller, in windows of a minute."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import FakeClock

from tsfm_runner.adapters.rate_limits import RateLimits
from tsfm_runner.config import AuthConfig
from tsfm_runner.domain.quota import Quota

NO_RATES: Mapping[str, int] = {}


def limits(
    clock: FakeClock, rate: int | None = None, own: Mapping[str, int] = NO_RATES
) -> RateLimits:
    auth = AuthConfig(rate_per_minute=rate, rates_per_minute=dict(own))
    return RateLimits(auth, clock)


def allowed(limiter: RateLimits, name: str, *, asked: int) -> int:
    """Ask so often for one forecast; return how often that was allowed."""
    quotas = [limiter.spend(name, 1) for _ in range(asked)]
    return sum(quota is None or quota.is_allowed for quota in quotas)


def test_a_charge_says_what_is_left_and_for_how_long() -> None:
    clock = FakeClock()
    limiter = limits(clock, 10)

    first = limiter.spend("desk", 1)
    clock.now_s = 12.5
    second = limiter.spend("desk", 4)

    assert first == Quota(is_allowed=True, limit=10, remaining=9, reset_s=60.0)
    assert second == Quota(is_allowed=True, limit=10, remaining=5, reset_s=47.5)


@pytest.mark.parametrize("rate", [1, 2, 7])
def test_exactly_the_rate_is_allowed_in_a_window(rate: int) -> None:
    assert allowed(limits(FakeClock(), rate), "desk", asked=20) == rate


def test_the_whole_rate_is_back_when_the_window_has_ended() -> None:
    clock = FakeClock()
    limiter = limits(clock, 3)
    allowed(limiter, "desk", asked=3)

    clock.now_s = 59.9
    before = allowed(limiter, "desk", asked=5)
    clock.now_s = 60.0
    after = allowed(limiter, "desk", asked=5)

    assert (before, after) == (0, 3)


def test_what_is_refused_is_not_charged() -> None:
    limiter = limits(FakeClock(), 10)

    too_much = limiter.spend("desk", 11)
    all_of_it = limiter.spend("desk", 10)

    assert too_much == Quota(is_allowed=False, limit=10, remaining=10, reset_s=60.0)
    assert all_of_it == Quota(is_allowed=True, limit=10, remaining=0, reset_s=60.0)


def test_callers_do_not_spend_from_each_other() -> None:
    limiter = limits(FakeClock(), 3)

    spent = [allowed(limiter, name, asked=5) for name in ("desk", "alerts")]

    assert spent == [3, 3]


def test_windows_of_callers_open_with_their_own_first_forecast() -> None:
    clock = FakeClock()
    limiter = limits(clock, 3)
    limiter.spend("desk", 1)

    clock.now_s = 40.0
    later = limiter.spend("alerts", 1)

    assert later is not None
    assert later.reset_s == 60.0


def test_the_rate_of_one_name_goes_before_the_usual_one() -> None:
    limiter = limits(FakeClock(), 5, {"desk": 2, "alerts": 9})

    spent = {name: allowed(limiter, name, asked=20) for name in ("desk", "alerts", "x")}

    assert spent == {"desk": 2, "alerts": 9, "x": 5}


def test_without_a_usual_rate_only_the_named_are_limited() -> None:
    limiter = limits(FakeClock(), None, {"desk": 2})

    assert allowed(limiter, "desk", asked=20) == 2
    assert limiter.spend("alerts", 1_000_000) is None


@given(
    charges=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.floats(0, 30)),
        max_size=60,
    )
)
def test_no_window_ever_holds_more_than_the_rate(
    charges: list[tuple[str, int, float]],
) -> None:
    clock = FakeClock()
    limiter = limits(clock, 10)
    allowed_by_window: dict[tuple[str, float], int] = {}

    for name, cost, pause_s in charges:
        clock.now_s += pause_s
        quota = limiter.spend(name, cost)
        assert quota is not None
        assert 0 < quota.reset_s <= 60
        assert 0 <= quota.remaining <= 10
        window = (name, round(clock.now_s + quota.reset_s, 6))
        spent = allowed_by_window.get(window, 0) + cost * quota.is_allowed
        allowed_by_window[window] = spent

    assert all(spent <= 10 for spent in allowed_by_window.values())


def test_names_that_nobody_uses_any_more_are_forgotten() -> None:
    clock = FakeClock()
    limiter = limits(clock, 3)

    for minute in range(1_000):
        clock.now_s = minute * 60.0
        limiter.spend(f"key-of-minute-{minute}", 1)

    assert len(limiter._open) == 1  # noqa: SLF001 - nothing else tells it
