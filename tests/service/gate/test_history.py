"""What was counted between readings, over restarts, gaps and other settings."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.service.gate.live import BOUNDS_S, START_S, Live, a_reading

from tsfm_runner.domain.gating import CoverageCounts, Reading
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.service.gate.history import Enough, History, history_of

GAP_S = 600.0


def history(live: Live) -> History:
    return history_of(live.readings, max_gap_s=GAP_S)


def test_counts_of_a_window_are_what_came_in_it() -> None:
    live = Live(a_reading(n_forecasts=1_000, n_errors=7, breaker_open_s=30))
    live.read(n_forecasts=10, slow=2, n_errors=1)
    live.read(n_forecasts=20, slow=5, n_fallbacks=3, outcomes=(40, 37, 30))
    live.read(n_forecasts=5, breaker_open_s=12)

    totals = history(live).between(1, 3)

    assert totals.counts == (25, 0, 25, 3, 0, 25, 12, 40, 37, 30)
    assert (totals.seen_s, totals.n_restarts, totals.target) == (120, 0, 0.9)
    assert totals.n_effective == 2
    assert totals.bounds_s == BOUNDS_S
    assert totals.n_within == [0, 20, 20, 25, 25]


def test_a_reading_after_itself_counts_nothing() -> None:
    totals = history(Live()).between(0, 0)

    assert not any(totals.counts)
    assert (totals.seen_s, totals.n_effective) == (0, None)


def test_a_process_that_begins_anew_counts_from_nothing() -> None:
    live = Live(a_reading(n_forecasts=500))
    live.read(n_forecasts=50)
    live.restart(after_s=20)
    live.read(after_s=40, n_forecasts=700)

    totals = history(live).between(0, 2)

    assert totals.counts.n_forecasts == 50 + 700
    # The 20 s between the last reading and the new process were not seen.
    assert (totals.seen_s, totals.n_restarts) == (60 + 40, 1)


def test_a_counter_that_falls_counts_from_nothing() -> None:
    before = a_reading(n_forecasts=500, breaker_open_s=90)
    now = replace(before, time_s=START_S + 60, n_forecasts=510, breaker_open_s=5)

    totals = history_of([before, now], max_gap_s=GAP_S).between(0, 1)

    assert (totals.counts.n_forecasts, totals.counts.breaker_open_s) == (10, 5)
    assert totals.n_restarts == 0


def test_a_reading_that_another_gate_kept_late_is_left_out() -> None:
    live = Live(a_reading(n_forecasts=500, n_fallbacks=40))
    live.read(n_forecasts=10)
    live.read(after_s=0.2, n_forecasts=1, n_fallbacks=1)
    first, earlier, later = live.readings
    live.read(n_forecasts=5)

    found = history_of([first, later, earlier, live.now], max_gap_s=GAP_S)

    assert found.readings == [first, later, live.now]
    assert found.between(0, 2).counts[2:4] == (16, 1)


def test_a_reading_of_the_process_before_that_is_kept_late_is_left_out() -> None:
    live = Live()
    live.read(n_forecasts=10)
    old = live.now
    live.restart(after_s=1)
    live.read(after_s=4, n_forecasts=3)
    new = live.now
    live.read(n_forecasts=2)

    found = history_of([live.readings[0], new, old, live.now], max_gap_s=GAP_S)

    assert found.readings == [live.readings[0], new, live.now]


def test_readings_of_a_clock_that_goes_back_count() -> None:
    live = Live()
    live.read(n_forecasts=10)
    live.read(after_s=-3_600, n_forecasts=10)
    live.restart(after_s=-3_600)
    live.now = replace(live.now, started_at_s=START_S + 1)
    live.read(after_s=0, n_forecasts=7)

    totals = history(live).between(0, 3)

    assert (totals.counts.n_forecasts, totals.n_restarts) == (27, 1)


def test_outcomes_are_counted_over_restarts_and_never_twice() -> None:
    live = Live()
    live.read(outcomes=(100, 90, 80))
    live.restart(after_s=5)
    live.read(outcomes=(10, 9, 8))
    live.restart(after_s=5)
    live.now = replace(live.now, coverage=CoverageCounts(0.9, 60, 50, 40, 3))
    live.read(outcomes=(1, 1, 1))

    whole, last = (history(live).between(first, 3) for first in (0, 2))

    assert whole.counts[-3:] == (110, 99, 88)
    assert last.counts[-3:] == (0, 0, 0)


@pytest.mark.parametrize(
    ("after_s", "seen_s"), [(599, 599), (601, 600), (9_000, 600), (-30, 0)]
)
def test_time_between_readings_counts_up_to_the_longest_gap(
    after_s: float, seen_s: float
) -> None:
    live = Live()
    live.read(after_s=after_s)

    assert history(live).between(0, 1).seen_s == seen_s


@pytest.mark.parametrize(
    "other",
    [
        a_reading(rollout_percent=25.0),
        a_reading(coverage=CoverageCounts(0.8, 0, 0, 0, None)),
        a_reading(durations=((0.3, 0.0),)),
    ],
)
def test_readings_that_cannot_be_compared_are_left_out(other: Reading) -> None:
    live = Live()
    live.read()
    before = [live.readings[0], replace(other, time_s=START_S - 60)]

    found = history_of([*before, *live.readings], max_gap_s=GAP_S)

    assert found.readings == live.readings


@pytest.mark.parametrize("order", ["ABA", "ABCB"])
def test_several_processes_in_turn_are_told(order: str) -> None:
    starts = {"A": 1.0, "B": 2.0, "C": 3.0}
    readings = [a_reading(started_at_s=starts[name]) for name in order]

    with pytest.raises(ConfigurationError, match="several processes"):
        history_of(readings, max_gap_s=GAP_S)


def test_processes_that_took_turns_once_do_so_no_longer() -> None:
    starts = (1.0, 2.0, 1.0, 2.0, 2.0, 2.0)
    times_s = (0, 60, 120, 180, 240, 180 + GAP_S + 1)
    readings = [
        a_reading(started_at_s=start, time_s=START_S + time_s)
        for start, time_s in zip(starts, times_s, strict=True)
    ]

    with pytest.raises(ConfigurationError, match="several processes"):
        history_of(readings[:-1], max_gap_s=GAP_S)

    assert history_of(readings, max_gap_s=GAP_S).readings == readings[3:]


def test_processes_one_after_the_other_are_one_service() -> None:
    readings = [a_reading(started_at_s=start) for start in (1.0, 1.0, 2.0, 3.0, 3.0)]

    assert len(history_of(readings, max_gap_s=GAP_S)) == 5


def test_the_reading_before_is_at_least_as_old_as_asked() -> None:
    live = Live()
    for after_s in (60, 60, 200, 10):
        live.read(after_s=after_s)
    found = history(live)

    places = [found.place_before(4, age_s) for age_s in (5, 10, 11, 210, 270, 999)]

    assert places == [3, 3, 2, 2, 1, 0]


def test_a_window_is_as_short_as_it_may_be() -> None:
    live = Live()
    for n in (10, 10, 5, 5, 20):
        live.read(n_forecasts=n, outcomes=(n, n, n))
    found = history(live)

    def place(seen_s: float, n_forecasts: float, n_outcomes: float) -> int:
        return found.place_with(5, Enough(seen_s, n_forecasts, n_outcomes))

    assert place(60, 1, 0) == 4
    assert place(60, 21, 0) == 3
    assert place(61, 1, 0) == 3
    assert place(240, 1, 0) == 1
    assert place(60, 1, 50) == 0
    assert place(60, 999, 0) == 0
    assert found.place_with(3, Enough(60, 10, 0)) == 1


steps = st.lists(
    st.tuples(st.integers(0, 50), st.booleans(), st.integers(1, 900)),
    min_size=1,
    max_size=12,
)


@given(steps=steps, cut=st.integers(0, 12))
def test_parts_of_a_window_add_up(steps: list[tuple[int, bool, int]], cut: int) -> None:
    live = Live()
    for n, is_restart, after_s in steps:
        if is_restart:
            live.restart(after_s=1)
        live.read(after_s=after_s, n_forecasts=n, outcomes=(n, n, 0))
    found, last = history(live), len(steps)
    middle = min(cut, last)

    whole = found.between(0, last)
    parts = found.between(0, middle), found.between(middle, last)

    assert whole.counts == tuple(map(sum, zip(*(p.counts for p in parts), strict=True)))
    assert whole.seen_s == pytest.approx(sum(part.seen_s for part in parts))
    assert whole.counts.n_forecasts == sum(n for n, *_ in steps)
    assert all(one <= two for one, two in itertools.pairwise(found.times_s.tolist()))
