import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.service.calibration.matching import match, tolerance_s

STEP_S = 300.0


def matched(target_s: float, times_s: list[float], step_s: float = STEP_S) -> int:
    [place] = match(np.array([target_s]), np.array([step_s]), np.array(times_s))
    return int(place)


@pytest.mark.parametrize(
    ("times_s", "place"),
    [
        ([600], 0),  # on time
        ([629, 900], 0),  # a little late
        ([630, 900], 0),
        ([631, 900], -1),  # too late: the price of then is not known
        ([570], 0),  # a little early
        ([569], -1),  # too early: another may still come
        ([450, 900], 0),  # none at the time: the last one before
        ([331, 900], 0),
        ([330, 900], -1),  # the last one before is a step old
        ([599, 601, 615], 2),  # the newest of those that come close
        ([100, 300, 900], -1),
        ([900], -1),
        ([300], -1),
    ],
)
def test_an_outcome_is_the_last_price_by_its_time(
    times_s: list[float], place: int
) -> None:
    assert matched(600.0, times_s) == place


@pytest.mark.parametrize(
    ("step_s", "slack_s"), [(60, 6), (300, 30), (3_600, 30), (86_400, 30)]
)
def test_polls_may_be_off_by_a_tenth_of_a_step_or_half_a_minute(
    step_s: float, slack_s: float
) -> None:
    assert tolerance_s(step_s) == slack_s
    assert matched(1e6, [1e6 + slack_s], step_s) == 0
    assert matched(1e6, [1e6 + slack_s + 1], step_s) == -1


def loop(target_s: float, step_s: float, times_s: list[float]) -> int:
    """Follow the definition one point at a time."""
    slack_s = tolerance_s(step_s)
    if times_s[-1] < target_s - slack_s:
        return -1
    found = -1
    for place, time_s in enumerate(times_s):
        if target_s + slack_s - step_s < time_s <= target_s + slack_s:
            found = place
    return found


@given(
    targets_s=st.lists(st.integers(0, 4_000), min_size=1, max_size=6),
    times_s=st.lists(st.integers(0, 4_000), min_size=1, max_size=20, unique=True),
    step_s=st.sampled_from([60, 300, 900]),
)
def test_many_are_matched_as_each_alone(
    targets_s: list[int], times_s: list[int], step_s: int
) -> None:
    ascending = sorted(map(float, times_s))

    places = match(
        np.array(targets_s, float),
        np.full(len(targets_s), float(step_s)),
        np.array(ascending),
    )

    expected = [loop(target, step_s, ascending) for target in targets_s]
    assert places.tolist() == expected


@given(
    times_s=st.lists(st.integers(0, 3_000), min_size=2, max_size=20, unique=True),
    more_s=st.lists(st.integers(1, 3_000), min_size=1, max_size=5, unique=True),
)
def test_what_was_found_is_not_changed_by_later_points(
    times_s: list[int], more_s: list[int]
) -> None:
    known = sorted(map(float, times_s))
    # Later than the tolerance: what comes within it may still be the better one.
    later = [known[-1] + 2 * 30 + each for each in sorted(more_s)]

    for target_s in range(0, 3_300, 150):
        found = matched(float(target_s), known)
        if found >= 0:
            assert matched(float(target_s), known + later) == found
