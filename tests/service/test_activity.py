import pytest

from tsfm_runner.service.activity import Activity


def test_who_waits_for_a_runtime_is_not_counted_as_busy() -> None:
    activity = Activity(n_busy=2)

    with activity.waiting():
        during = activity.n_busy

    assert (during, activity.n_busy) == (1, 2)


def test_who_fails_while_waiting_is_counted_again() -> None:
    activity = Activity(n_busy=2)

    with pytest.raises(ZeroDivisionError), activity.waiting():
        raise ZeroDivisionError

    assert activity.n_busy == 2
