"""News keeps hours: faster in sessions, slower outside, as much over a week."""

import numpy as np
import pytest

from tsfm_runner.testing.markets.sessions import session_pace
from tsfm_runner.testing.markets.traits import SessionTraits

MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6


def sessions(
    *,
    hours: float = 8.0,
    rest: float = 0.1,
    phase: float = 0.0,
    are_kept: int = 1,
    rest_at_weekends: int = 0,
) -> SessionTraits:
    return SessionTraits(
        are_kept=np.array([bool(are_kept)]),
        hours=np.array([hours]),
        rest=np.array([rest]),
        phase=np.array([phase]),
        rest_at_weekends=np.array([bool(rest_at_weekends)]),
    )


def pace(told: SessionTraits, *, day: float = 0, hour: float = 0) -> float:
    return session_pace(told, hours=24 * day + hour).item()


def test_half_a_day_of_sessions_has_twice_the_information() -> None:
    half = sessions(hours=12, rest=0)

    assert pace(half, hour=11) == pytest.approx(np.sqrt(2))
    assert pace(half, hour=13) == 0


def test_outside_of_a_session_what_is_left_of_the_pace_is_left() -> None:
    told = sessions(hours=8, rest=0.1)

    assert pace(told, hour=9) == pytest.approx(0.1 * pace(told, hour=7))
    assert pace(told, hour=9) < 1 < pace(told, hour=7)


def test_weekends_rest_where_they_do() -> None:
    working, always = sessions(rest_at_weekends=1), sessions(rest_at_weekends=0)

    for day in (SATURDAY, SUNDAY):
        assert pace(working, day=day, hour=1) == pace(working, hour=12)
        assert pace(always, day=day, hour=1) == pace(always, hour=1)
    assert pace(working, day=FRIDAY, hour=1) == pace(working, day=MONDAY, hour=1)


def test_the_phase_is_when_in_the_week_a_recording_starts() -> None:
    saturday = sessions(phase=SATURDAY / 7, rest_at_weekends=1)

    assert pace(saturday, hour=1) < 1
    assert pace(saturday, day=2, hour=1) > 1


def test_events_that_keep_no_hours_are_not_touched() -> None:
    assert pace(sessions(are_kept=0), hour=12) == 1


@pytest.mark.parametrize("rest_at_weekends", [0, 1])
@pytest.mark.parametrize(("hours", "rest"), [(5, 0.01), (8.5, 0.3), (14, 0.1)])
def test_over_a_week_as_much_is_learned_as_without_sessions(
    hours: float, rest: float, rest_at_weekends: int
) -> None:
    told = sessions(
        hours=hours, rest=rest, phase=0.37, rest_at_weekends=rest_at_weekends
    )
    week = np.arange(0, 7 * 24, 1 / 4)

    paces = np.array([pace(told, hour=hour) for hour in week])

    assert np.mean(paces**2) == pytest.approx(1, abs=0.02)
