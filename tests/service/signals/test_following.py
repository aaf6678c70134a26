from typing import Any

import pytest
from tests.service.signals.watched import DOWN, MEDIAN, UP, Watched, moment, trial


def test_a_price_that_goes_on_has_followed() -> None:
    watched = Watched()
    watched.go(UP)

    assert watched.hear({1: 0.61, 2: 0.625}) == []
    [told] = watched.hear({2: 0.625, 3: 0.64, 4: 0.63})

    assert told.phase == "followed"
    follow = told.follow_through
    assert follow is not None
    assert follow.has_followed is True
    assert follow.largest_move == pytest.approx(0.04)
    assert follow.decided_at_s == moment(3)
    assert told.dedupe_key == watched.told[0].dedupe_key
    assert watched.hear({5: 0.9}) == []


def test_prices_from_before_the_breach_say_nothing() -> None:
    watched = Watched()
    watched.go(UP)

    assert watched.hear({-3: 0.9, 0: 0.9}) == []


def test_a_price_that_goes_the_other_way_has_not_followed() -> None:
    watched = Watched()
    watched.see(0, trial(0, price=DOWN))

    assert watched.hear({1: 0.3701, 71: 0.6}) == []
    [told] = watched.hear({72: 0.2})

    follow = told.follow_through
    assert follow is not None
    assert (follow.has_followed, follow.decided_at_s) == (True, moment(72))

    other = Watched()
    other.see(0, trial(0, price=DOWN))
    [late] = other.hear({1: 0.39, 73: 0.2})
    assert late.follow_through is not None
    assert late.follow_through.has_followed is False
    assert late.follow_through.largest_move == pytest.approx(0.01)


def test_without_prices_nobody_knows() -> None:
    watched = Watched()
    watched.go(UP)
    watched.hear({10: 0.59})

    watched.sweep(74)
    assert [one.phase for one in watched.told] == ["opened", "closed"]
    [told] = watched.sweep(74.1)

    assert told.follow_through is not None
    assert told.follow_through.has_followed is None
    assert told.follow_through.decided_at_s == moment(72)
    assert told.close_reason == "stale"


def test_what_is_told_of_a_breach_keeps_what_came_of_it() -> None:
    watched = Watched()
    watched.go(UP, UP)

    [followed] = watched.hear({2: 0.7})
    watched.go(MEDIAN, MEDIAN, start=2)

    closed = watched.told[-1]
    assert (followed.is_open, followed.n_steps) == (True, 2)
    assert closed.phase == "closed"
    assert closed.follow_through == followed.follow_through


def test_a_breach_that_closed_may_still_be_followed() -> None:
    watched = Watched(cooldown_minutes=0)
    watched.go(UP, MEDIAN, MEDIAN, UP)

    told = watched.hear({4: 0.7})

    assert [one.phase for one in told] == ["followed", "followed"]
    assert [one.is_open for one in told] == [False, True]


def test_a_breach_of_a_forgotten_market_is_decided_all_the_same() -> None:
    watched = Watched()
    watched.go(UP)
    watched.engine._max_markets = 0  # noqa: SLF001 - 20,000 would take a while
    watched.sweep(0)

    [told] = watched.hear({1: 0.7})

    assert (told.phase, told.close_reason) == ("followed", "stale")


def test_a_breach_before_the_last_one_is_decided_as_it_was() -> None:
    watched = Watched(cooldown_minutes=0)
    watched.go(UP, MEDIAN, MEDIAN, UP, MEDIAN, MEDIAN, UP)

    told = watched.hear({7: 0.7})

    assert [one.opened_at_s for one in told] == [moment(0), moment(3), moment(6)]


@pytest.mark.parametrize("change", [{"follow_move": 0.06}, {"follow_hours": 0.05}])
def test_what_follows_can_be_set(change: dict[str, Any]) -> None:
    usual, changed = Watched(), Watched(**change)

    for watched in (usual, changed):
        watched.go(UP)
        watched.hear({2: 0.64})

    assert [one.phase for one in usual.told] == ["opened", "followed"]
    assert [
        one.follow_through.has_followed
        for one in changed.told
        if one.follow_through is not None
    ] == ([False] if "follow_hours" in change else [])


def test_prices_from_far_ahead_decide_nothing() -> None:
    watched = Watched()
    watched.go(UP)

    watched.hear({1: 0.61, 3.1: 0.9, 80: 0.6}, now=1)
    [told] = watched.hear({2: 0.65}, now=2)

    assert told.follow_through is not None
    assert told.follow_through.decided_at_s == moment(2)
    assert watched.hear({90: 0.6}, now=2) == []
