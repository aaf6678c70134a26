"""What two processes learned apart is what one would have counted."""

import numpy as np
import pytest
from tests.service.calibration.desk import SOON, Desk, walks

from tsfm_runner.config import CalibrationConfig, DriftConfig
from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import bin_of
from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.service.calibration.arrays import Scores
from tsfm_runner.service.calibration.merging import merge
from tsfm_runner.service.calibration.state import CalibrationState

KEY = StreamKey("ewma", "1", 300)
NAMES = ("north", "south", "west")
N_ROWS = 60
N_TIMES = 25


def fresh_state() -> CalibrationState:
    return CalibrationState(CalibrationConfig(), DriftConfig(), {})


def rows(seed: int) -> Scores:
    """Return scores of three segments and four cells."""
    rng = np.random.default_rng(seed)
    sizes = np.abs(rng.normal(size=N_ROWS)).round(1)
    return Scores(
        segments=rng.integers(0, len(NAMES), N_ROWS),
        cells=rng.integers(0, 4, N_ROWS),
        bins=bin_of(sizes),
        sizes=sizes,
        missed=rng.random((N_ROWS, 2, len(TRACKED_TAILS))) < 0.1,
        is_inside=rng.random(N_ROWS) < 0.8,
        features=rng.normal(size=(N_ROWS, N_FEATURES)),
        base=rng.uniform(0.005, 0.05, N_ROWS),
        is_tracked=np.ones(N_ROWS, dtype=np.bool_),
    )


def learned_from(state: CalibrationState, names: tuple[str, ...], part: slice) -> None:
    """Let a state learn from a part of all scores, in its own order of segments."""
    stream = state.stream(KEY)
    places = np.array([stream.place_of(name) for name in names])
    back = np.array([places[names.index(name)] for name in NAMES])
    for time in range(N_TIMES):
        scores = rows(time)
        mine = Scores._make(column[part] for column in scores)
        stream.reach(4)
        stream.add(time, mine._replace(segments=back[mine.segments]), now_s=float(time))
    stream.learn(now_s=float(N_TIMES))


def test_the_counts_of_two_halves_are_those_of_the_whole() -> None:
    whole, half, other = fresh_state(), fresh_state(), fresh_state()
    learned_from(whole, NAMES, slice(None))
    learned_from(half, NAMES, slice(0, 25))
    learned_from(other, ("west", "north", "south"), slice(25, None))

    merge(half, other)

    ours, all_of_it = half.stream(KEY), whole.stream(KEY)
    rows_of_all = slice(0, len(NAMES))
    for name in ("counts", "recent", "n_scored"):
        np.testing.assert_allclose(
            getattr(ours.segment, name)[rows_of_all],
            getattr(all_of_it.segment, name)[rows_of_all],
            rtol=1e-5,
        )
    np.testing.assert_allclose(ours.cell.overall, all_of_it.cell.overall, rtol=1e-12)
    np.testing.assert_allclose(
        ours.cell.precision, all_of_it.cell.precision, rtol=1e-9, atol=1e-12
    )
    assert ours.n_steps == all_of_it.n_steps
    assert ours.updated_at_s == all_of_it.updated_at_s


def test_tails_and_weights_become_means_by_what_each_has_seen() -> None:
    half, other = fresh_state(), fresh_state()
    learned_from(half, NAMES, slice(0, 30))
    learned_from(other, NAMES, slice(30, None))
    mine, theirs = half.stream(KEY), other.stream(KEY)
    before = mine.segment.tails[0, 0].copy(), mine.cell.weights[0].copy()
    seen = mine.segment.n_scored[0, 0], theirs.segment.n_scored[0, 0]
    share = seen[1] / (seen[0] + seen[1])

    merge(half, other)

    expected = (1 - share) * before[0] + share * theirs.segment.tails[0, 0]
    np.testing.assert_allclose(mine.segment.tails[0, 0], expected, rtol=1e-5)
    low, high = sorted((before[1][0], theirs.cell.weights[0][0]))
    assert low <= mine.cell.weights[0][0] <= high


def test_merging_into_nothing_copies() -> None:
    state, other = fresh_state(), fresh_state()
    learned_from(other, NAMES, slice(None))

    merge(state, other)

    ours, theirs = state.stream(KEY), other.stream(KEY)
    n = len(NAMES)
    np.testing.assert_array_equal(ours.segment.counts[:n], theirs.segment.counts[:n])
    np.testing.assert_allclose(
        ours.segment.tails[:n], theirs.segment.tails[:n], rtol=1e-6
    )
    np.testing.assert_array_equal(ours.cell.weights, theirs.cell.weights)


def test_a_stream_that_learned_nothing_changes_nothing() -> None:
    state, other = fresh_state(), fresh_state()
    learned_from(state, NAMES, slice(None))
    before = state.stream(KEY).segment.counts.copy()
    other.stream(KEY)

    merge(state, other)

    np.testing.assert_array_equal(state.stream(KEY).segment.counts, before)
    assert state.stream(KEY).updated_at_s == N_TIMES


def test_two_replicas_together_know_all_markets_counts_and_events() -> None:
    prices = walks(8, 120, seed=20261126)
    first = {name: row for name, row in prices.items() if int(name[1:]) < 5}
    second = {name: row for name, row in prices.items() if int(name[1:]) >= 5}
    one, two = Desk(calibration=SOON), Desk(calibration=SOON)
    one.replay(first, range(30, 120))
    two.replay(second, range(30, 120))
    n_one = {record.segment: record.n for record in one.calibrator.state.records()}
    n_before = sum(record.n for record in one.calibrator.state.records())
    n_other = sum(record.n for record in two.calibrator.state.records())

    merge(one.calibrator.state, two.calibrator.state)

    records = list(one.calibrator.state.records())
    (learned,) = one.calibrator.state.learned.values()
    assert sum(record.n for record in records) == n_before + n_other
    assert n_one.keys() <= {record.segment for record in records}
    assert set(learned.scales.rows) == set(prices)
    (theirs,) = two.calibrator.state.learned.values()
    np.testing.assert_allclose(
        learned.scales.of(["m6"], 3), theirs.scales.of(["m6"], 3)
    )
    n_events = sum(
        learned.tallies.of_segment(place).n_clusters
        for place in range(len(learned.stream.names))
    )
    assert n_events == len(learned.tallies.events)


@pytest.mark.parametrize("hits", [0, 3])
def test_an_event_in_both_is_onecluster(hits: int) -> None:
    one, two = fresh_state(), fresh_state()
    for state in (one, two):
        learned_from(state, NAMES, slice(0, 5))
        tallies = state.of_key(KEY).tallies
        tallies.grow(len(NAMES), 4)
        tallies.cluster([0] * 4, ["game"] * 4, [True] * hits + [False] * (4 - hits))

    merge(one, two)

    sums = one.of_key(KEY).tallies.of_segment(0)
    assert sums == (1, 8, 2 * hits, 64, 16 * hits, 4 * hits * hits)
