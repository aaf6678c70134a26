"""A segment is told of where it has enough outcomes, by groups that weigh alike."""

import numpy as np
import pytest
from tests.evaluation.recordings import make_design

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.metrics import metric_columns
from tsfm_runner.evaluation.design import Design
from tsfm_runner.evaluation.parting import segment_rows, start_rows
from tsfm_runner.evaluation.results import EntryName, StepResults
from tsfm_runner.evaluation.schema import SegmentScore

LEVELS = (0.1, 0.5, 0.9)
HORIZON = 2
COLUMNS = metric_columns(len(LEVELS))


@pytest.fixture
def design() -> Design:
    return make_design(horizon=HORIZON, quantile_levels=LEVELS)


def outcomes(n: int, n_inside: int) -> FloatArray:
    """Return the sums of so many outcomes, of which some are within the band."""
    sums = np.zeros(COLUMNS.n_columns)
    sums[COLUMNS.n] = n
    sums[COLUMNS.inside] = n_inside
    sums[COLUMNS.at_or_below] = [0, n_inside, n_inside]
    return np.tile(sums, (HORIZON, 1))


def results_of(*cells: tuple[int, int, int, int]) -> StepResults:
    """Return results of cells: group, segment, outcomes, and those within the band."""
    by_cell = np.array([outcomes(n, n_inside) for _, _, n, n_inside in cells])
    pairs = np.array([cell[:2] for cell in cells])
    return StepResults(
        300,
        (EntryName("ewma", "raw", is_baseline=True),),
        ("event a", "event b"),
        ("calm", "wild"),
        segment_markets=np.array([3, 1]),
        cells=pairs,
        starts=pairs,
        by_cell=by_cell[np.newaxis],
        by_start=by_cell[np.newaxis],
        by_market=np.zeros((1, 0, HORIZON, COLUMNS.n_columns)),
        last=[],
        is_scored=np.ones(0, dtype=np.bool_),
    )


def test_a_segment_takes_200_outcomes_of_the_first_step(design: Design) -> None:
    results = results_of((0, 0, 120, 90), (1, 0, 80, 80), (1, 1, 199, 150))

    rows = list(segment_rows(results, design))

    assert [(row["segment"], row["step"]) for row in rows] == [
        *(("calm", step) for step in (1, 2, None)),
    ]


def test_groups_weigh_alike_however_many_outcomes_they_have(design: Design) -> None:
    results = results_of((0, 0, 150, 75), (1, 0, 50, 50))

    first, _, together = segment_rows(results, design)

    assert numbers(first) == (200, 3, 2)
    assert numbers(together) == (400, 3, 2)
    for row in (first, together):
        [interval] = row["intervals"]
        assert interval["closed"] == interval["open"] == pytest.approx(0.75)
        assert interval["error"] == pytest.approx(0.05)


def numbers(row: SegmentScore) -> tuple[int, int, int]:
    return row["n"], row["n_markets"], row["n_groups"]


def test_a_group_that_has_no_outcome_counts_nowhere(design: Design) -> None:
    results = results_of((0, 0, 200, 160), (1, 0, 0, 0))

    first, *_ = segment_rows(results, design)

    assert numbers(first) == (200, 3, 1)
    [interval] = first["intervals"]
    assert interval["closed"] == pytest.approx(0.8)
    assert interval["closed_low"] is None


def test_young_markets_are_told_of_however_few_they_are(design: Design) -> None:
    results = results_of((0, 0, 4, 2), (1, 0, 1, 1), (1, 4, 1, 0))

    rows = list(start_rows(results, design))

    told = [(row["age"], row["step"], row["n"], row["n_groups"]) for row in rows]
    assert told == [(2, 1, 5, 2), (2, 2, 5, 2), (8, 1, 1, 1), (8, 2, 1, 1)]
    assert rows[0]["intervals"][0]["closed"] == pytest.approx(0.75)
