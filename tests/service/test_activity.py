import pytest

from tsfm_runner.service.activity import Activity


class Rig:
    """An activity, and how often it was told that nobody is at work any more."""

    def __init__(self) -> None:
        self.n_told = 0
        self.activity = Activity()
        self.activity.when_idle(self._hear)

    def _hear(self) -> None:
        assert self.activity.is_idle
        self.n_told += 1


def test_at_first_nobody_is_at_work() -> None:
    rig = Rig()

    assert rig.activity.is_idle
    assert rig.n_told == 0


def test_who_is_at_work_may_still_come_along() -> None:
    rig = Rig()

    with rig.activity.working():
        during = rig.activity.is_idle

    assert (during, rig.activity.is_idle) == (False, True)


def test_who_waits_for_a_runtime_is_not_at_work() -> None:
    rig = Rig()

    with rig.activity.working():
        with rig.activity.waiting():
            during = rig.activity.is_idle
        after = rig.activity.is_idle

    assert (during, after) == (True, False)


def test_one_who_waits_does_not_hide_another_who_is_at_work() -> None:
    rig = Rig()

    with rig.activity.working(), rig.activity.working(), rig.activity.waiting():
        one_waits = rig.activity.is_idle
        with rig.activity.waiting():
            both_wait = rig.activity.is_idle

    assert (one_waits, both_wait) == (False, True)


def test_the_last_who_begins_to_wait_or_leaves_is_told_each_time() -> None:
    rig = Rig()
    told = []

    with rig.activity.working():
        with rig.activity.working():
            pass
        told.append(rig.n_told)
        for _ in range(2):
            with rig.activity.waiting():
                told.append(rig.n_told)
    told.append(rig.n_told)

    assert told == [0, 1, 2, 3]


def test_everybody_who_wants_to_hear_is_told() -> None:
    rig = Rig()
    others: list[str] = []
    rig.activity.when_idle(lambda: others.append("first"))
    rig.activity.when_idle(lambda: others.append("second"))

    with rig.activity.working():
        pass

    assert rig.n_told == 1
    assert others == ["first", "second"]


def test_who_fails_at_work_is_at_work_no_longer() -> None:
    rig = Rig()

    with pytest.raises(ZeroDivisionError), rig.activity.working():
        raise ZeroDivisionError

    assert rig.activity.is_idle
    assert rig.n_told == 1


def test_who_fails_while_waiting_is_at_work_again() -> None:
    rig = Rig()

    with rig.activity.working():
        with pytest.raises(ZeroDivisionError), rig.activity.waiting():
            raise ZeroDivisionError
        after = rig.activity.is_idle

    assert not after
