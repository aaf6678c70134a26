from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.fakes import FakeClock

from tsfm_runner.config import BreakerConfig
from tsfm_runner.domain.forecast import BreakerState
from tsfm_runner.service.breaking import Breaker, Outcomes

USUAL = BreakerConfig()
PATIENT = BreakerConfig(max_failures=99)  # only the share of failures opens it


class Rig:
    """A breaker, the clock that it reads, and what it told."""

    def __init__(self, config: BreakerConfig = USUAL) -> None:
        self.clock = FakeClock()
        self.told: list[BreakerState] = []
        self.breaker = Breaker(config, self.clock, self.told.append)

    def call(self, *outcomes: bool | None) -> None:
        """Make one call after another, which end at once."""
        for is_failure in outcomes:
            assert self.breaker.is_passable
            self.breaker.settle(self.breaker.admit(), is_failure=is_failure)

    def open(self) -> None:
        self.call(True, True, True)
        assert self.breaker.state == "open"

    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds

    def cool_down(self) -> None:
        self.wait(USUAL.cooldown_s)


def test_at_first_it_is_closed_and_lets_calls_through() -> None:
    rig = Rig()

    assert rig.breaker.state == "closed"
    assert rig.breaker.is_passable
    assert rig.told == []


def test_three_failures_in_a_row_open_it_and_two_do_not() -> None:
    rig = Rig()

    rig.call(True, True)
    before = rig.breaker.state
    rig.call(True)

    assert (before, rig.breaker.state) == ("closed", "open")
    assert not rig.breaker.is_passable


def test_time_is_open_only_while_calls_are_held_back() -> None:
    rig = Rig()
    times = [rig.breaker.open_s]

    rig.open()
    for seconds in (10, 20, 1_000):
        rig.wait(seconds)
        times.append(rig.breaker.open_s)
    rig.call(True)  # the probe fails
    rig.wait(7)
    times.append(rig.breaker.open_s)
    rig.cool_down()
    rig.call(False, False)
    rig.wait(500)
    times.append(rig.breaker.open_s)

    assert times == [0, 10, 30, 30, 37, 60]


def test_a_success_breaks_the_row() -> None:
    rig = Rig()

    rig.call(True, True, False, True, True)

    assert rig.breaker.state == "closed"


def test_a_row_of_failures_may_be_as_long_ago_as_it_likes() -> None:
    rig = Rig()

    for _ in range(3):
        rig.call(True)
        rig.wait(1_000)

    assert rig.told == ["open"]


def test_half_of_ten_calls_open_it_and_less_than_half_do_not() -> None:
    half, less = Rig(PATIENT), Rig(PATIENT)

    half.call(*[False] * 5, *[True] * 5)
    less.call(*[False] * 6, *[True] * 5)

    assert (half.breaker.state, less.breaker.state) == ("open", "closed")


def test_a_share_of_fewer_than_ten_calls_says_nothing() -> None:
    rig = Rig(PATIENT)

    rig.call(*[True] * 9)

    assert rig.breaker.state == "closed"


def test_calls_of_more_than_thirty_seconds_ago_do_not_count() -> None:
    forgotten, remembered = Rig(PATIENT), Rig(PATIENT)

    forgotten.call(*[True] * 9)
    forgotten.wait(30)
    forgotten.call(True)
    remembered.call(*[True] * 9)
    remembered.wait(29.9)
    remembered.call(True)

    assert forgotten.breaker.state == "closed"
    assert remembered.breaker.state == "open"


def test_a_success_never_opens_it_however_many_failed_before() -> None:
    rig = Rig(PATIENT)

    rig.call(*[True] * 9, False)

    assert rig.breaker.state == "closed"


def test_a_neutral_end_neither_counts_nor_breaks_the_row() -> None:
    rig = Rig()

    rig.call(True, True, None, None, True)

    assert rig.breaker.state == "open"


def test_open_it_lets_nothing_through_until_it_has_cooled_down() -> None:
    rig = Rig()
    rig.open()

    rig.wait(29.9)
    before = rig.breaker.is_passable
    rig.wait(0.1)

    assert not before
    assert rig.breaker.is_passable
    assert rig.breaker.state == "half_open"


def test_half_open_it_lets_two_probes_through_and_no_more() -> None:
    rig = Rig()
    rig.open()
    rig.cool_down()

    passed = []
    for _ in range(4):
        passed.append(rig.breaker.is_passable)
        if passed[-1]:
            rig.breaker.admit()

    assert passed == [True, True, False, False]


def test_it_closes_when_every_probe_has_succeeded() -> None:
    rig = Rig()
    rig.open()
    rig.cool_down()

    rig.call(False)
    after_one = rig.breaker.state
    rig.call(False)

    assert (after_one, rig.breaker.state) == ("half_open", "closed")


def test_a_probe_that_passed_leaves_room_for_the_others_only() -> None:
    rig = Rig()
    rig.open()
    rig.cool_down()

    rig.call(False)
    rig.breaker.admit()

    assert not rig.breaker.is_passable


@pytest.mark.parametrize("outcomes", [(True,), (False, True)])
def test_the_first_probe_that_fails_opens_it_for_another_cool_down(
    outcomes: tuple[bool, ...],
) -> None:
    rig = Rig()
    rig.open()
    rig.cool_down()

    rig.call(*outcomes)
    rig.wait(29.9)
    before = rig.breaker.state
    rig.wait(0.1)

    assert (before, rig.breaker.state) == ("open", "half_open")


def test_a_probe_that_says_nothing_gives_its_place_back() -> None:
    rig = Rig()
    rig.open()
    rig.cool_down()

    rig.call(None, None, None)

    assert rig.breaker.state == "half_open"
    assert rig.breaker.is_passable


@pytest.mark.parametrize("is_failure", [True, False, None])
def test_what_was_let_through_before_it_opened_no_longer_counts(
    *, is_failure: bool | None
) -> None:
    rig = Rig()
    early = [rig.breaker.admit() for _ in range(4)]
    rig.open()
    rig.cool_down()
    assert rig.breaker.state == "half_open"

    for permit in early:
        rig.breaker.settle(permit, is_failure=is_failure)

    assert rig.breaker.state == "half_open"
    assert rig.breaker.is_passable


def test_it_tells_of_each_state_that_it_enters() -> None:
    rig = Rig()

    rig.open()
    rig.cool_down()
    rig.call(True)
    rig.cool_down()
    rig.call(False, False)

    assert rig.told == ["open", "half_open", "open", "half_open", "closed"]


def test_after_it_closed_it_counts_anew() -> None:
    rig = Rig()
    rig.open()
    rig.cool_down()
    rig.call(False, False)

    rig.call(True, True)

    assert rig.breaker.state == "closed"


@pytest.mark.parametrize(
    ("changed", "play", "usual_state", "changed_state"),
    [
        ({"max_failures": 4}, lambda rig: rig.call(*[True] * 3), "open", "closed"),
        (
            {"failure_ratio": 0.4},
            lambda rig: rig.call(*[False, False, True] * 2, False, True, False, True),
            "closed",
            "open",
        ),
        (
            {"min_calls": 4},
            lambda rig: rig.call(False, True, False, True),
            "closed",
            "open",
        ),
        (
            {"window_s": 5},
            lambda rig: [
                rig.call(False, False, False, True, True, False, True, True),
                rig.wait(5),
                rig.call(False, True),
            ],
            "open",
            "closed",
        ),
        (
            {"cooldown_s": 5},
            lambda rig: [rig.open(), rig.wait(5)],
            "open",
            "half_open",
        ),
        (
            {"probes": 1},
            lambda rig: [rig.open(), rig.cool_down(), rig.call(False)],
            "half_open",
            "closed",
        ),
    ],
    ids=list(BreakerConfig.model_fields),
)
def test_each_setting_acts(
    changed: dict[str, float],
    play: Callable[[Rig], object],
    usual_state: BreakerState,
    changed_state: BreakerState,
) -> None:
    usual, other = Rig(), Rig(BreakerConfig.model_validate(changed))

    play(usual)
    play(other)

    assert usual.breaker.state == usual_state
    assert other.breaker.state == changed_state


def test_the_share_of_failures_is_of_the_calls_in_the_window() -> None:
    clock = FakeClock()
    outcomes = Outcomes(10, clock)

    outcomes.add(is_failure=True)
    clock.now_s = 4
    outcomes.add(is_failure=False)
    both = outcomes.failure_ratio(min_calls=2)
    clock.now_s = 10
    one = outcomes.failure_ratio(min_calls=1)
    few = outcomes.failure_ratio(min_calls=2)

    assert (both, one, few) == (0.5, 0, None)


SMALL = BreakerConfig(min_calls=4)


class SlowBreaker:
    """What a breaker must do, written down by looking through all that happened."""

    def __init__(self) -> None:
        self.state: BreakerState = "closed"
        self.since_s = 0.0
        self.ends: list[tuple[float, bool]] = []
        self.probes: list[str] = []
        self.n_entered = 0

    def enter(self, state: BreakerState, now_s: float) -> None:
        self.state, self.since_s, self.ends, self.probes = state, now_s, [], []
        self.n_entered += 1

    def look(self, now_s: float) -> None:
        if self.state == "open" and now_s >= self.since_s + SMALL.cooldown_s:
            self.enter("half_open", now_s)

    def lets_through(self) -> bool:
        n_spoken_for = sum(probe != "void" for probe in self.probes)
        return self.state == "closed" or (
            self.state == "half_open" and n_spoken_for < SMALL.probes
        )

    def end_call(self, now_s: float, *, is_failure: bool) -> None:
        self.ends.append((now_s, is_failure))
        last = [failed for _, failed in self.ends][-SMALL.max_failures :]
        window = [
            failed for end_s, failed in self.ends if end_s > now_s - SMALL.window_s
        ]
        is_row = len(last) == SMALL.max_failures and all(last)
        is_often = len(window) >= SMALL.min_calls and (
            sum(window) >= SMALL.failure_ratio * len(window)
        )
        if is_failure and (is_row or is_often):
            self.enter("open", now_s)

    def end_probe(self, number: int, now_s: float, *, is_failure: bool | None) -> None:
        names = {None: "void", True: "failed", False: "passed"}
        self.probes[number] = names[is_failure]
        if is_failure:
            self.enter("open", now_s)
        elif self.probes.count("passed") == SMALL.probes:
            self.enter("closed", now_s)


class BreakerAgainstReference(RuleBasedStateMachine):
    """Waits, calls and ends in any order: both breakers say the same throughout."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.breaker = Breaker(SMALL, self.clock, lambda _: None)
        self.reference = SlowBreaker()
        # For each call: its permit, the state it was let through in, its probe.
        self.out: list[tuple[int, int, int]] = []

    @rule(seconds=st.sampled_from([1, 9, 10, 29, 30]))
    def wait(self, seconds: int) -> None:
        self.clock.now_s += seconds

    @precondition(lambda self: self.breaker.is_passable)
    @rule()
    def call(self) -> None:
        self.reference.look(self.clock.now_s)
        number = len(self.reference.probes)
        if self.reference.state == "half_open":
            self.reference.probes.append("out")
        self.out.append((self.breaker.admit(), self.reference.n_entered, number))

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 9), is_failure=st.sampled_from([True, False, None]))
    def end(self, which: int, is_failure: bool | None) -> None:  # noqa: FBT001
        permit, era, number = self.out.pop(which % len(self.out))
        self.breaker.settle(permit, is_failure=is_failure)
        if era != self.reference.n_entered:
            return
        if self.reference.state == "half_open":
            self.reference.end_probe(number, self.clock.now_s, is_failure=is_failure)
        elif is_failure is not None:
            self.reference.end_call(self.clock.now_s, is_failure=is_failure)

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        self.reference.look(self.clock.now_s)
        assert self.breaker.state == self.reference.state
        assert self.breaker.is_passable == self.reference.lets_through()


TestBreakerAgainstReference = BreakerAgainstReference.TestCase
