from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import FakeClock

from tsfm_runner.config import DegradationConfig
from tsfm_runner.domain.forecast import RuntimeMode
from tsfm_runner.service.degrading import Degradation

USUAL = DegradationConfig()


class Rig:
    """The mode of a runtime, the clock that it reads, and what it told."""

    def __init__(self, config: DegradationConfig = USUAL) -> None:
        self.clock = FakeClock()
        self.told: list[RuntimeMode] = []
        self.degradation = Degradation(config, self.clock, self.told.append)

    @property
    def mode(self) -> RuntimeMode:
        return self.degradation.mode

    def end(self, *, failed: int, well: int) -> None:
        """End so many calls that were well, and then so many that failed."""
        for is_failure in [False] * well + [True] * failed:
            self.call(is_failure=is_failure)

    def call(self, *, is_failure: bool | None) -> None:
        """Make one call that ends at once."""
        self.degradation.settle(self.degradation.admit(), is_failure=is_failure)

    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds

    def probe(self, *, is_failure: bool) -> None:
        """Wait until a probe may be made, and make it."""
        self.wait(USUAL.probe_interval_s)
        assert self.degradation.is_askable
        self.call(is_failure=is_failure)

    def degrade(self) -> None:
        self.end(failed=3, well=7)
        assert self.mode == "degraded"

    def fall(self) -> None:
        """Go down to baselines, so that the window holds nothing yet."""
        self.degrade()
        self.end(failed=7, well=3)
        assert self.mode == "baseline_only"


def test_at_first_it_is_normal_and_may_be_asked() -> None:
    rig = Rig()

    assert rig.mode == "normal"
    assert rig.degradation.is_askable


@pytest.mark.parametrize(("failed", "mode"), [(29, "normal"), (30, "degraded")])
def test_three_failed_calls_in_ten_degrade_it(failed: int, mode: RuntimeMode) -> None:
    rig = Rig(DegradationConfig(min_calls=100))

    rig.end(failed=failed, well=100 - failed)

    assert rig.mode == mode


@pytest.mark.parametrize(("failed", "mode"), [(69, "degraded"), (70, "baseline_only")])
def test_seven_failed_calls_in_ten_leave_baselines_only(
    failed: int, mode: RuntimeMode
) -> None:
    rig = Rig(DegradationConfig(min_calls=100))
    rig.end(failed=30, well=70)

    rig.end(failed=failed, well=100 - failed)

    assert rig.mode == mode


def test_a_runtime_that_is_down_goes_to_baselines_at_once() -> None:
    rig = Rig()

    rig.end(failed=10, well=0)

    assert rig.told == ["baseline_only"]


def test_fewer_than_ten_calls_say_nothing() -> None:
    rig = Rig()

    rig.end(failed=9, well=0)

    assert rig.mode == "normal"


def test_a_neutral_end_says_nothing() -> None:
    rig = Rig()

    rig.end(failed=9, well=0)
    rig.call(is_failure=None)

    assert rig.mode == "normal"


def test_calls_of_more_than_a_minute_ago_do_not_count() -> None:
    rig = Rig()

    rig.end(failed=9, well=0)
    rig.wait(60)
    rig.end(failed=1, well=0)

    assert rig.mode == "normal"


@pytest.mark.parametrize(("failed", "mode"), [(15, "degraded"), (14, "normal")])
def test_it_is_normal_again_only_below_half_of_what_degraded_it(
    failed: int, mode: RuntimeMode
) -> None:
    rig = Rig(DegradationConfig(min_calls=100))
    rig.end(failed=30, well=70)

    rig.end(failed=failed, well=100 - failed)

    assert rig.mode == mode


@given(endings=st.lists(st.booleans(), max_size=80))
def test_at_a_share_between_leaving_and_entering_nothing_changes(
    endings: list[bool],
) -> None:
    rig = Rig()
    window: list[bool] = []

    for is_failure in endings:
        before, n_told = rig.mode, len(rig.told)
        rig.call(is_failure=is_failure)
        window.append(is_failure)
        share = sum(window) / len(window)
        if len(window) >= 10 and 0.15 <= share < 0.30:
            assert rig.mode == before
        if len(rig.told) > n_told:  # each mode begins its count anew
            window = []


def test_with_baselines_only_it_may_not_be_asked() -> None:
    rig = Rig()
    rig.fall()

    assert not rig.degradation.is_askable


def test_with_baselines_only_one_probe_is_made_every_ten_seconds() -> None:
    rig = Rig()
    rig.fall()

    asked_at_s = []
    for _ in range(300):
        rig.wait(0.125)
        if rig.degradation.is_askable:
            asked_at_s.append(rig.clock.now_s)
            rig.degradation.admit()

    assert asked_at_s == [10, 20, 30]


def test_calls_of_a_runtime_that_is_well_put_no_probe_off() -> None:
    rig = Rig()

    rig.degradation.admit()

    assert rig.degradation.is_askable


def test_a_probe_that_succeeds_resumes() -> None:
    rig = Rig()
    rig.fall()

    rig.probe(is_failure=False)

    assert rig.mode == "degraded"
    assert rig.degradation.is_askable


@pytest.mark.parametrize("is_failure", [True, False])
def test_calls_from_before_there_were_baselines_only_are_no_probes(
    *, is_failure: bool
) -> None:
    rig = Rig()
    rig.degrade()
    early = rig.degradation.admit()
    rig.end(failed=7, well=3)

    rig.degradation.settle(early, is_failure=is_failure)
    before = rig.mode
    rig.probe(is_failure=False)

    assert (before, rig.mode) == ("baseline_only", "degraded")


def test_a_probe_that_fails_leaves_baselines_only() -> None:
    rig = Rig()
    rig.fall()

    rig.probe(is_failure=True)

    assert rig.mode == "baseline_only"
    assert not rig.degradation.is_askable


@pytest.mark.parametrize("n_failed", [1, 2, 9])
def test_after_probes_that_failed_two_that_succeed_resume(n_failed: int) -> None:
    rig = Rig()
    rig.fall()
    for _ in range(n_failed):
        rig.probe(is_failure=True)

    rig.probe(is_failure=False)
    after_one = rig.mode
    rig.probe(is_failure=False)

    assert (after_one, rig.mode) == ("baseline_only", "degraded")


def test_from_baselines_it_comes_back_by_way_of_degraded() -> None:
    rig = Rig()
    rig.fall()

    rig.probe(is_failure=False)
    rig.end(failed=0, well=10)

    assert rig.told == ["degraded", "baseline_only", "degraded", "normal"]


@pytest.mark.parametrize(
    ("changed", "play", "usual_mode", "changed_mode"),
    [
        (
            {"degrade_above": 0.5},
            lambda rig: rig.end(failed=4, well=6),
            "degraded",
            "normal",
        ),
        (
            {"restore_below": 0.25},
            lambda rig: [rig.degrade(), rig.end(failed=2, well=8)],
            "degraded",
            "normal",
        ),
        (
            {"baseline_only_above": 0.9},
            lambda rig: rig.end(failed=8, well=2),
            "baseline_only",
            "degraded",
        ),
        (
            {"resume_below": 0.0},
            lambda rig: [rig.fall(), rig.probe(is_failure=False)],
            "degraded",
            "baseline_only",
        ),
        (
            {"min_calls": 5},
            lambda rig: rig.end(failed=2, well=3),
            "normal",
            "degraded",
        ),
        (
            {"window_s": 5},
            lambda rig: [
                rig.end(failed=5, well=0),
                rig.wait(5),
                rig.end(failed=0, well=5),
            ],
            "degraded",
            "normal",
        ),
    ],
    ids=[name for name in DegradationConfig.model_fields if name != "probe_interval_s"],
)
def test_each_setting_acts(
    changed: dict[str, float],
    play: Callable[[Rig], object],
    usual_mode: RuntimeMode,
    changed_mode: RuntimeMode,
) -> None:
    usual, other = Rig(), Rig(DegradationConfig.model_validate(changed))

    play(usual)
    play(other)

    assert usual.mode == usual_mode
    assert other.mode == changed_mode


def test_the_time_between_probes_acts() -> None:
    usual, quick = Rig(), Rig(DegradationConfig(probe_interval_s=2))

    for rig in (usual, quick):
        rig.fall()
        rig.wait(2)

    assert (usual.degradation.is_askable, quick.degradation.is_askable) == (False, True)
