from typing import Any

import pytest
from tests.service.signals.watched import (
    DOWN,
    MEDIAN,
    STEP_S,
    UP,
    Watched,
    moment,
    trial,
)

INSIDE = MEDIAN


def test_a_price_far_outside_its_band_opens_a_breach() -> None:
    watched = Watched()

    [signal] = watched.see(0, trial(0, event_id="weather"))

    assert (signal.id, signal.phase, signal.direction) == (1, "opened", "up")
    assert (signal.market_id, signal.event_id) == ("rain", "weather")
    assert (signal.opened_at_s, signal.opened_price) == (moment(0), UP)
    assert (signal.ts_s, signal.price, signal.n_steps) == (moment(0), UP, 1)
    assert signal.p_value == 0.01
    assert 0 < signal.q_value <= 0.2
    assert signal.is_open
    assert watched.engine.open_breaches == [signal]


def test_a_likely_price_and_one_near_the_median_open_nothing() -> None:
    watched = Watched()

    assert watched.see(0, trial(0, p=0.21)) == []
    assert watched.see(1, trial(1, price=0.54, p=1e-7)) == []
    assert watched.engine.open_breaches == []


def test_a_breach_closes_when_prices_stay_inside_and_not_before() -> None:
    watched = Watched()

    phases = watched.go(UP, INSIDE, UP, INSIDE, INSIDE, INSIDE)

    assert phases == ["opened", "closed"]
    closed = watched.told[-1]
    assert (closed.close_reason, closed.closed_at_s) == ("recovered", moment(4))
    assert (closed.ts_s, closed.price) == (moment(4), INSIDE)
    assert closed.dedupe_key == watched.told[0].dedupe_key
    assert closed.id == 2


def test_to_leave_is_harder_than_to_stay() -> None:
    watched = Watched()
    watched.see(0, trial(0, p=0.1))

    told = [watched.see(step, trial(step, p=0.25)) for step in (1, 2, 3)]

    assert told == [[], [], []]  # beyond enter_p, within recovery_p
    [breach] = watched.engine.open_breaches
    assert (breach.n_steps, breach.p_value) == (4, 0.1)


def test_a_worse_price_escalates_a_breach_once() -> None:
    watched = Watched()
    watched.see(0, trial(0, p=0.15))

    [worse] = watched.see(1, trial(1, p=0.05, price=0.65))
    again = watched.see(2, trial(2, p=0.05))
    [worst] = watched.see(3, trial(3, p=0.001))
    milder = watched.see(4, trial(4, p=0.15))

    assert (again, milder) == ([], [])
    assert [one.severity for one in (watched.told[0], worse, worst)] == [
        "moderate",
        "severe",
        "extreme",
    ]
    assert (worse.phase, worse.price, worse.opened_price) == ("escalated", 0.65, UP)
    assert worse.band.issued_at_s == moment(0)
    assert watched.engine.open_breaches[0].n_steps == 5


def test_a_price_that_turns_closes_the_breach_and_opens_none_for_a_while() -> None:
    watched = Watched()
    watched.see(0, trial(0, p=0.05))

    [turned] = watched.see(1, trial(1, price=DOWN, p=0.05))

    assert (turned.phase, turned.close_reason) == ("closed", "turned")
    assert watched.see(2, trial(2, price=DOWN, p=0.05)) == []


def test_a_turn_for_the_worse_opens_a_breach_at_once() -> None:
    watched = Watched()
    watched.see(0, trial(0, p=0.05))

    closed, opened = watched.see(1, trial(1, price=DOWN, p=0.001))

    assert (closed.close_reason, opened.direction) == ("turned", "down")
    assert opened.dedupe_key != closed.dedupe_key
    assert (opened.n_steps, opened.severity) == (1, "extreme")


def test_nothing_milder_opens_during_the_cool_down() -> None:
    watched = Watched()
    watched.go(UP, INSIDE, INSIDE)
    closed = watched.told[-1]

    assert watched.engine.standing("rain") == closed
    assert watched.go(UP, start=3) == []
    assert watched.go(INSIDE, start=4) == []
    assert watched.go(UP, start=14) == ["opened"]


def test_what_a_market_stands_at_is_told_while_it_matters() -> None:
    watched = Watched()
    assert watched.engine.standing("rain") is None
    assert watched.engine.judgement("rain") is None

    watched.go(UP, UP)

    [breach] = watched.engine.open_breaches
    assert watched.engine.standing("rain") == breach
    judgement = watched.engine.judgement("rain")
    assert judgement is not None
    assert (judgement.price, judgement.n_steps, judgement.p_value) == (UP, 2, 0.01)

    watched.go(INSIDE, INSIDE, start=2)
    calm = watched.engine.judgement("rain")
    assert calm is not None
    assert calm.n_steps == 0

    watched.go(INSIDE, start=16)
    assert watched.engine.standing("rain") is None


def test_the_key_of_a_breach_is_the_same_in_every_replay() -> None:
    one, two = Watched(), Watched(first_id=50)
    one.go(UP)
    two.see(-1, trial(-1, price=INSIDE))
    two.go(UP)

    assert one.told[0].dedupe_key == two.told[0].dedupe_key
    assert two.told[0].id == 50


def test_a_price_that_comes_late_opens_nothing() -> None:
    assert Watched().see(0, trial(0), now=3) == []
    assert Watched().see(0, trial(0), now=2) != []


def test_a_price_from_before_the_newest_changes_nothing() -> None:
    watched = Watched()
    watched.go(UP)

    for step in (-1, 0):
        assert watched.see(step, trial(step, price=INSIDE), now=0) == []

    assert watched.engine.open_breaches == watched.told


def test_a_market_that_has_closed_is_silent() -> None:
    watched = Watched()
    watched.see(0, trial(0, closes_at_s=moment(1.5)))

    [closed] = watched.see(2, trial(2, closes_at_s=moment(1.5)))

    assert (closed.close_reason, closed.closed_at_s) == ("market_closed", moment(1.5))
    assert watched.see(3, trial(3, closes_at_s=moment(1.5), p=1e-6)) == []


def test_a_breach_of_a_market_that_falls_silent_closes() -> None:
    watched = Watched()
    watched.see(0, trial(0))
    watched.see(0, trial(0, name="snow", closes_at_s=moment(1)))

    assert watched.sweep(0.9) == []
    [closed] = watched.sweep(1)
    assert watched.sweep(2) == []
    [stale] = watched.sweep(2.1)

    assert (stale.close_reason, stale.closed_at_s) == ("stale", moment(2))
    assert (stale.ts_s, stale.price) == (moment(0), UP)
    assert (closed.close_reason, closed.closed_at_s) == ("market_closed", moment(1))


def test_a_sweep_comes_with_the_prices_of_others_too() -> None:
    watched = Watched()
    watched.see(0, trial(0))

    told = watched.see(4, trial(4, name="snow", price=INSIDE))

    assert [one.close_reason for one in told] == ["stale"]


@pytest.mark.parametrize(
    ("change", "steps", "phases"),
    [
        ({"enter_p": 0.4, "recovery_p": 0.4}, [(UP, 0.35)], ["opened"]),
        ({"min_move": 0.2}, [(UP, 0.01)], []),
        ({"min_steps": 2}, [(UP, 0.01)], []),
        ({"min_steps": 2}, [(UP, 0.01), (UP, 0.01)], ["opened"]),
        (
            {"recovery_steps": 1},
            [(UP, 0.01), (INSIDE, 1), (UP, 0.01)],
            ["opened", "closed"],
        ),
        (
            {"recovery_p": 0.2},
            [(UP, 0.01), (UP, 0.25), (UP, 0.25)],
            ["opened", "closed"],
        ),
        (
            {"cooldown_minutes": 0},
            [(UP, 0.01), (INSIDE, 1), (INSIDE, 1), (UP, 0.01)],
            ["opened", "closed", "opened"],
        ),
        ({"false_alarm_share": 0.0001}, [(UP, 0.01)], []),
        ({"reference_prior": 1.0}, [(UP, 0.01)], []),
        (
            {"severe_p": 0.005, "extreme_p": 0.005},
            [(UP, 0.15), (UP, 0.006)],
            ["opened"],
        ),
        ({"extreme_p": 0.1}, [(UP, 0.09), (UP, 0.001)], ["opened"]),
    ],
)
def test_changing_a_setting_changes_what_is_told(
    change: dict[str, Any], steps: list[tuple[float, float]], phases: list[str]
) -> None:
    watched = Watched(**change)
    usual = Watched()

    for step, (price, p) in enumerate(steps):
        is_far = abs(price - MEDIAN) >= watched.engine.config.min_move - 1e-6
        watched.see(step, trial(step, price=price, p=p, is_far=is_far))
        usual.see(step, trial(step, price=price, p=p))

    assert [one.phase for one in watched.told] == phases
    assert [one.phase for one in usual.told] != phases or change == {"min_steps": 2}


def test_late_prices_may_be_allowed() -> None:
    watched = Watched(stale_steps=10)

    assert watched.see(0, trial(0), now=9) != []
    assert watched.sweep(9.9) == []


def test_markets_past_the_bound_are_forgotten() -> None:
    watched = Watched()
    watched.engine._max_markets = 2  # noqa: SLF001 - 20,000 would take a while
    for step, name in enumerate(("rain", "snow", "hail")):
        watched.see(step * 0.1, trial(step * 0.1, name=name))

    [gone] = watched.sweep(0.3)

    assert (gone.market_id, gone.close_reason) == ("rain", "stale")
    assert watched.engine.judgement("rain") is None
    assert watched.engine.judgement("hail") is not None


def test_a_market_may_be_watched_at_two_steps() -> None:
    watched = Watched()
    watched.see(1, trial(1), trial(1, step_s=3_600, price=INSIDE))
    watched.see(1.5, trial(0.5, step_s=900, price=INSIDE))

    judgement = watched.engine.judgement("rain")
    assert judgement is not None
    assert judgement.band.step_s == 3_600  # of the newest price, told last
    watched.engine._max_markets = 1  # noqa: SLF001 - 20,000 would take a while
    watched.sweep(1.5)
    assert watched.engine.judgement("rain") is None


def test_a_market_that_is_forgotten_leaves_the_cycle_too() -> None:
    watched = Watched()
    watched.engine._max_markets = 2  # noqa: SLF001 - 20,000 would take a while
    for name in ("rain", "snow", "hail"):
        watched.see(0, trial(0, name=name))
    watched.sweep(0)

    told = watched.see(0, trial(0, name="fog"))

    assert [(one.market_id, one.phase) for one in told] == [("fog", "opened")]
    assert watched.engine.n_watched == 4


def test_what_is_told_late_is_recorded_when_it_is_told() -> None:
    watched = Watched()
    watched.engine._max_markets = 1  # noqa: SLF001 - 20,000 would take a while
    watched.go(UP)
    watched.see(1, trial(1, closes_at_s=moment(0.5)), now=900)
    watched.see(900, trial(900, name="snow"))
    watched.see(901, trial(901, name="hail"))

    closed = [one for one in watched.told if one.phase == "closed"]
    assert [one.recorded_at_s for one in closed] == [moment(900), moment(901)]


@pytest.mark.parametrize("step_s", [300, 3_600])
def test_a_price_from_far_ahead_is_not_judged(step_s: int) -> None:
    watched = Watched()
    ahead = max(600, step_s) / STEP_S

    assert watched.see(ahead + 0.1, trial(ahead + 0.1, step_s=step_s), now=0) == []
    assert watched.engine.judgement("rain") is None
    assert watched.see(ahead, trial(ahead, step_s=step_s), now=0) != []


def test_a_cool_down_ends_without_another_price() -> None:
    watched = Watched()
    watched.go(UP, INSIDE, INSIDE)

    watched.sweep(13)
    assert watched.engine.standing("rain") is not None
    watched.sweep(14)
    assert watched.engine.standing("rain") is None
