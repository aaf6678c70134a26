import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.resampling import (
    bin_by_step,
    detect_ticks,
    latest_run,
    stack_contexts,
)


def test_the_last_point_of_each_step_is_taken() -> None:
    times = np.array([0.0, 50.0, 60.0, 200.0])

    binned = bin_by_step(times, cutoff_s=240, step_s=60, max_steps=9)

    assert binned.tolist() == [0, 2, -1, -1, 3]


def test_only_recent_steps_are_kept() -> None:
    times = np.arange(0.0, 600.0, 60.0)

    binned = bin_by_step(times, cutoff_s=540, step_s=60, max_steps=3)

    assert binned.tolist() == [7, 8, 9]


def test_points_older_than_every_step_leave_nothing() -> None:
    binned = bin_by_step(np.array([0.0]), cutoff_s=600, step_s=60, max_steps=3)

    assert binned.size == 0


@given(
    gaps=st.lists(st.integers(1, 500), min_size=1, max_size=60),
    step=st.sampled_from([60, 300, 3600]),
    max_steps=st.integers(1, 50),
)
def test_binning_agrees_with_a_plain_search(
    gaps: list[int], step: int, max_steps: int
) -> None:
    times = np.cumsum(gaps).astype(float)
    cutoff = float(times[-1])

    binned = bin_by_step(times, cutoff_s=cutoff, step_s=step, max_steps=max_steps)

    expected = []
    for back in range(max_steps - 1, -1, -1):
        end = cutoff - back * step
        inside = [i for i, time in enumerate(times) if end - step < time <= end]
        expected.append(inside[-1] if inside else -1)
    first = next(place for place, found in enumerate(expected) if found >= 0)
    assert binned.tolist() == expected[first:]


def test_a_point_just_after_the_cutoff_belongs_to_its_step() -> None:
    binned = bin_by_step(np.array([0.0, 60.0005]), cutoff_s=60, step_s=60, max_steps=9)

    assert binned.tolist() == [0, 1]


def test_short_holes_are_filled_forward() -> None:
    known = np.array([True, False, False, True])

    run = latest_run(known, max_gap_steps=2)

    assert (run.start, run.source.tolist()) == (0, [0, 0, 0, 3])


def test_nothing_before_a_long_gap_is_used() -> None:
    known = np.array([True, True, False, False, True, False, True])

    run = latest_run(known, max_gap_steps=1)

    assert (run.start, run.source.tolist()) == (4, [4, 4, 6])


def test_a_run_starts_at_a_known_step() -> None:
    known = np.array([False, False, False, True, True])

    run = latest_run(known, max_gap_steps=1)

    assert (run.start, run.source.tolist()) == (3, [3, 4])


@pytest.mark.parametrize("known", [[False, False], [True, False, False, False]])
def test_a_series_that_ends_in_a_gap_is_refused(known: list[bool]) -> None:
    with pytest.raises(ValueError, match="the last steps are a gap"):
        latest_run(np.array(known), max_gap_steps=2)


@given(
    known=st.lists(st.booleans(), min_size=1, max_size=40),
    limit=st.integers(1, 6),
)
def test_a_run_agrees_with_walking_back_from_the_end(
    known: list[bool], limit: int
) -> None:
    known = [*known, True, *[False] * (limit - 1)]

    run = latest_run(np.array(known), max_gap_steps=limit)

    start = place = len(known) - limit
    while place >= 0 and start - place - 1 <= limit:
        if known[place]:
            start = place
        place -= 1
    expected = [
        max(back for back in range(step + 1) if known[back])
        for step in range(start, len(known))
    ]
    assert (run.start, run.source.tolist()) == (start, expected)


@pytest.mark.parametrize(
    ("prices", "tick"),
    [
        ([0.41, 0.42, 0.42, 0.40], 0.01),
        ([0.41, 0.415, 0.42], 0.005),
        ([0.9995, 0.999, 0.9985], 0.0005),
        ([0.5, 0.5, 0.5], None),
        ([0.5, 0.6], None),
        ([0.1234, 0.2345, 0.3456, 0.31], None),
    ],
)
def test_the_tick_is_the_smallest_step_of_a_grid(
    prices: list[float], tick: float | None
) -> None:
    [found] = detect_ticks(np.array([prices]))

    assert found == tick or (np.isnan(found) and tick is None)


def test_single_precision_prices_still_show_their_grid() -> None:
    prices = np.array([0.41, 0.43, 0.42, 0.47], dtype=np.float32).astype(float)

    assert detect_ticks(prices[None]).tolist() == [0.01]


@given(
    markets=st.lists(
        st.tuples(
            st.sampled_from([0.001, 0.005, 0.01, 0.013]),
            st.lists(st.integers(0, 70), min_size=1, max_size=12),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_ticks_of_many_markets_are_those_of_each_alone(
    markets: list[tuple[float, list[int]]],
) -> None:
    prices = [tick * np.array(counts, float) for tick, counts in markets]

    together = detect_ticks(stack_contexts(prices))

    for found, row in zip(together, prices, strict=True):
        moves = {round(float(move), 6) for move in np.abs(np.diff(row)) if move > 1e-6}
        n_moves = (np.abs(np.diff(row)) > 1e-6).sum()
        tick = min(moves, default=0.0)
        is_grid = n_moves >= 2 and all(
            abs(price - tick * round(price / tick)) <= 1e-6 for price in row
        )
        assert np.isnan(found) if not is_grid else found == tick


def test_contexts_end_together() -> None:
    stacked = stack_contexts([np.array([0.1, 0.2, 0.3]), np.array([0.4])])

    assert stacked[:, -1].tolist() == [0.3, 0.4]
    assert np.isnan(stacked[1, :2]).all()
