"""Coverage is pooled over whatever nobody asks to tell apart."""

import itertools
from collections.abc import Iterable

import numpy as np
import pytest

from tsfm_runner.config import CalibrationConfig, DriftConfig
from tsfm_runner.domain.calibration import CoverageRecord, IntervalRecord, StreamKey
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.coverage import (
    GROUP_NAMES,
    CoverageQuestion,
    CoverageRow,
    coverage,
)

KEYS = (
    StreamKey("big", "2", 300),
    StreamKey("ewma", "1", 3_600),
    StreamKey("ewma", "1", 300),
    StreamKey("big", "1", 300),
)
SEGMENTS = ("category=b,edge=<0.03", "category=a,edge=<0.03", "category=a,edge=0.1")
ALL = 10_000


def a_state(keys: Iterable[StreamKey] = KEYS) -> CalibrationState:
    """Return a state in which each stream knows the segments in another order."""
    rng = np.random.default_rng(20260220)
    state = CalibrationState(CalibrationConfig(), DriftConfig(), {})
    for number, key in enumerate(keys):
        learned = state.of_key(key)
        names = SEGMENTS[number % 3 :] + SEGMENTS[: number % 3]
        for name in names:
            learned.stream.place_of(name)
        learned.tallies.grow(len(names), 12 + number)
        sums = learned.tallies.sums
        sums[..., 0] = rng.integers(0, 4, size=sums.shape[:-1])
        sums[..., 1:] = sums[..., :1] * rng.integers(1, 5, size=sums[..., 1:].shape)
    return state


def asked(
    state: CalibrationState,
    question: CoverageQuestion = CoverageQuestion(),  # noqa: B008 - frozen
) -> list[CoverageRow]:
    rows, n_rows = coverage(state, question, start=0, limit=ALL)
    assert len(rows) == n_rows
    return rows


def record_of(row: CoverageRow) -> CoverageRecord:
    key = StreamKey(row.model_name or "", row.model_version or "", row.step_s or 0)
    is_shadow, step = bool(row.is_shadow), row.step or 0
    return CoverageRecord(key, is_shadow, row.segment or "", step, row.n, *row[8:])


def order_of(record: CoverageRecord) -> tuple[object, ...]:
    return (*record.stream, record.segment, record.step, record.is_shadow)


def test_with_everything_told_apart_the_rows_are_the_records_in_order() -> None:
    state = a_state()

    rows = [record_of(row) for row in asked(state)]

    assert rows == sorted(state.records(), key=order_of)
    assert len(rows) > 100


@pytest.mark.parametrize(
    "group_by",
    [names for n in range(5) for names in itertools.combinations(GROUP_NAMES, n)],
    ids=",".join,
)
def test_pooled_rows_hold_the_sums_of_the_records(group_by: tuple[str, ...]) -> None:
    state = a_state()

    rows = asked(state, CoverageQuestion(group_by=group_by))

    assert {row[:6]: row.n for row in rows} == expected_counts(state, group_by)
    assert sum(row.n * row.target.mean_width for row in rows) == pytest.approx(
        sum(one.n * one.target.mean_width for one in state.records())
    )
    assert sum(row.served.n_open for row in rows) == sum(
        one.served.n_open for one in state.records()
    )


def expected_counts(
    state: CalibrationState, group_by: tuple[str, ...]
) -> dict[tuple[object, ...], int]:
    """Return the count of each group, added one record at a time."""
    names = ("model", "model", "freq", "segment", "step", "kind")
    counts: dict[tuple[object, ...], int] = {}
    for one in state.records():
        parts = zip(names, order_of(one), strict=True)
        key = tuple(part if name in group_by else None for name, part in parts)
        counts[key] = counts.get(key, 0) + one.n
    return counts


def test_means_are_weighted_by_their_counts() -> None:
    state = a_state([KEYS[0]])
    sums = state.of_key(KEYS[0]).tallies.sums
    sums[...] = 0
    sums[0, 0, 0] = (1, *(1, 0, 0.1, 0.2) * 3)
    sums[0, 1, 0] = (3, *(2, 1, 0.9, 1.8) * 3)

    [row] = asked(state, CoverageQuestion(group_by=()))

    assert row.n == 4
    assert row.raw == pytest.approx(IntervalRecord(3, 1, 0.25, 0.5))


def test_outcomes_of_one_event_are_worth_less_than_their_number() -> None:
    state = a_state([KEYS[0]])
    tallies = state.of_key(KEYS[0]).tallies
    tallies.sums[...] = 0
    tallies.sums[0, :2, :2, 0] = 10
    # In the first segment one event of ten hits and one of ten misses; in the second
    # two events of five hits and two of five misses.
    tallies.clusters[0] = 2, 20, 10, 200, 100, 100
    tallies.clusters[1] = 4, 20, 10, 100, 50, 50

    rows = asked(state, CoverageQuestion(group_by=("segment", "step")))
    [pooled] = asked(state, CoverageQuestion(group_by=()))

    # The variance between clusters is 100 and 33.3, and that of the outcomes 5: all
    # of a segment are worth 1 and 3. A row has half of them, and is worth one at least.
    assert [row.segment for row in rows] == [SEGMENTS[1]] * 2 + [SEGMENTS[0]] * 2
    assert [row.n for row in rows] == [10] * 4
    assert [row.n_effective for row in rows] == pytest.approx([1.5, 1.5, 1, 1])
    # Together: 10 against 6 / 5 x (50 + 25).
    assert pooled.n == 40
    assert pooled.n_effective == pytest.approx(40 * 10 / 90)


@pytest.mark.parametrize(
    ("question", "is_wanted"),
    [
        (CoverageQuestion(model_name="big"), lambda one: one.stream[0] == "big"),
        (CoverageQuestion(model_version="2"), lambda one: one.stream[1] == "2"),
        (CoverageQuestion(step_s=3_600), lambda one: one.stream[2] == 3_600),
        (CoverageQuestion(is_shadow=True), lambda one: one.is_shadow),
        (CoverageQuestion(is_shadow=False), lambda one: not one.is_shadow),
        (CoverageQuestion(step=1), lambda one: one.step == 1),
        (CoverageQuestion(step=14), lambda one: one.step == 16),
        (CoverageQuestion(step=288), lambda _: False),
        (
            CoverageQuestion(segment=frozenset({"category=a"})),
            lambda one: one.segment.startswith("category=a,"),
        ),
        (
            CoverageQuestion(segment=frozenset({"category=a", "edge=0.1"})),
            lambda one: one.segment == SEGMENTS[2],
        ),
        (CoverageQuestion(segment=frozenset({"category"})), lambda _: False),
        (CoverageQuestion(model_name="none"), lambda _: False),
    ],
)
def test_only_what_is_asked_for_is_told(
    question: CoverageQuestion, is_wanted: object
) -> None:
    state = a_state()
    assert callable(is_wanted)

    rows = [record_of(row) for row in asked(state, question)]

    assert rows == sorted(filter(is_wanted, state.records()), key=order_of)


def test_parts_put_together_are_the_whole() -> None:
    state, question = a_state(), CoverageQuestion()
    whole = asked(state)

    parts = [
        coverage(state, question, start=start, limit=7)[0]
        for start in range(0, len(whole) + 7, 7)
    ]

    assert list(itertools.chain(*parts)) == whole
    assert parts[-1] == []


def test_nothing_is_told_of_a_state_that_knows_nothing() -> None:
    new = CalibrationState(CalibrationConfig(), DriftConfig(), {})
    named = a_state([])
    named.of_key(KEYS[0]).stream.place_of("category=a")

    assert asked(new) == []
    assert asked(named) == []
    assert asked(named, CoverageQuestion(group_by=())) == []
