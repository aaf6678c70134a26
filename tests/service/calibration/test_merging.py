"""What two processes have learned apart adds up to what one would have."""

import numpy as np
import pytest
from tests.service.builders import NO_PRIORS
from tests.service.calibration.desk import SOON, Desk, Prices, walks

from tsfm_runner.config import CalibrationConfig, DriftConfig
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.calibration.merging import merge
from tsfm_runner.service.calibration.persisting import restore, to_bytes
from tsfm_runner.service.calibration.state import CalibrationState

# So slow a decay that counts are those of what was scored.
LASTING = SOON | {"half_life_steps": 1e12}
PRICES = walks(8, 70, seed=20260950)


def part(prices: Prices, category: str = "a", horizon: int = 3) -> Desk:
    desk = Desk(calibration=LASTING)
    facts = MarketFacts(category=category)
    desk.replay(prices, range(30, 70), horizon=horizon, facts=facts)
    return desk


def some(start: int, stop: int) -> Prices:
    return {name: PRICES[name] for name in list(PRICES)[start:stop]}


def copy(desk: Desk) -> CalibrationState:
    state = CalibrationState(
        CalibrationConfig.model_validate(LASTING), DriftConfig(), NO_PRIORS
    )
    restore(state, desk.state)
    return state


def settled(state: CalibrationState) -> CalibrationState:
    """Let a state learn from what it has collected."""
    for one in state.learned.values():
        one.stream.learn(now_s=0.0)
    return state


def totals(state: CalibrationState) -> dict[str, np.ndarray]:
    """Return counts by segment name, of sketches and of scored steps."""
    [one] = state.learned.values()
    return {
        name: np.concatenate(
            (
                one.stream.segment.counts[place].ravel(),
                one.stream.segment.n_scored[place].ravel(),
            )
        )
        for place, name in enumerate(one.stream.names)
        if one.stream.segment.n_scored[place].any()
    }


def records(state: CalibrationState) -> dict[tuple[str, int], tuple[float, ...]]:
    return {
        (one.segment, one.step): (
            one.n,
            *one.raw,
            one.raw.mean_width,
        )
        for one in state.records()
    }


def test_counts_of_two_halves_are_those_of_the_whole() -> None:
    whole = settled(part(PRICES).calibrator.state)
    one, other = copy(part(some(0, 4))), copy(part(some(4, 8)))

    merge(one, other)

    ours, theirs = records(one), records(whole)
    assert ours.keys() == theirs.keys()
    for key, numbers in theirs.items():
        # Raw bands are the same in both; scores depend on what was learned before.
        assert ours[key] == pytest.approx(numbers)
    [mine] = one.learned.values()
    [its] = whole.learned.values()
    n_cells = mine.stream.segment.n_scored.shape[1]
    assert mine.stream.cell.overall.sum(axis=1) == pytest.approx(
        its.stream.cell.overall[:n_cells].sum(axis=1)
    )
    assert mine.stream.n_steps == its.stream.n_steps


def test_what_is_merged_into_nothing_is_as_it_was() -> None:
    desk = part(some(0, 3))
    empty = CalibrationState(
        CalibrationConfig.model_validate(LASTING), DriftConfig(), NO_PRIORS
    )
    other = copy(desk)

    merge(empty, other)

    settled(desk.calibrator.state)
    assert records(empty) == records(desk.calibrator.state)
    mine, its = totals(empty), totals(desk.calibrator.state)
    assert mine.keys() == its.keys()
    for name, counts in its.items():
        assert mine[name] == pytest.approx(counts)


def test_to_merge_nothing_changes_nothing() -> None:
    state = settled(copy(part(some(0, 3))))
    before = to_bytes(state)

    merge(
        state,
        CalibrationState(
            CalibrationConfig.model_validate(LASTING), DriftConfig(), NO_PRIORS
        ),
    )

    assert to_bytes(state) == before


def test_two_parts_of_the_same_market_keep_its_own_scale_and_join_its_event() -> None:
    one, other = copy(part(some(0, 2))), copy(part(some(0, 2)))
    [before] = one.learned.values()
    names = list(before.scales.rows)
    scales = before.scales.of(names, 3).copy()
    clusters = before.tallies.clusters.copy()

    merge(one, other)

    [after] = one.learned.values()
    assert np.array_equal(after.scales.of(names, 3), scales)
    # As many events, each with twice the outcomes and the hits.
    assert np.array_equal(after.tallies.clusters, clusters * [1, 2, 2, 4, 4, 4])


def test_a_stream_that_learned_nothing_adds_nothing() -> None:
    one, asked = copy(part(some(0, 2))), Desk(calibration=LASTING)
    before = records(settled(one))
    state = asked.calibrator.state
    [key] = one.learned
    state.stream(key)

    merge(one, state)

    assert records(one) == before


def test_segments_are_known_by_their_names() -> None:
    one = copy(part(some(0, 2), "a", horizon=2))
    other = copy(part(some(2, 6), "b", horizon=5))

    merge(one, other)

    categories = {record.segment.partition(",")[0] for record in one.records()}
    assert categories == {"category=a", "category=b"}
    by_category = {
        name: sum(
            record.n for record in one.records() if record.segment.startswith(name)
        )
        for name in categories
    }
    assert by_category["category=a"] == 2 * (39 + 38)
    assert by_category["category=b"] == 4 * (39 + 38 + 37 + 36 + 35)
    [learned] = one.learned.values()
    assert set(learned.scales.rows) >= {"m0", "m1"}


def test_the_order_of_two_parts_is_without_effect() -> None:
    halves = part(some(0, 4)), part(some(4, 8))
    one, other = (copy(half) for half in halves)
    theirs, ours = (copy(half) for half in halves)

    merge(one, other)
    merge(ours, theirs)

    assert records(one).keys() == records(ours).keys()
    for key, numbers in records(ours).items():
        assert records(one)[key] == pytest.approx(numbers)
    mine, its = totals(one), totals(ours)
    assert mine.keys() == its.keys()
    for name, counts in its.items():
        assert mine[name] == pytest.approx(counts)
    [first], [second] = one.learned.values(), ours.learned.values()
    assert first.stream.cell.weights == pytest.approx(second.stream.cell.weights)
