import math
from typing import NamedTuple

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss
from tests.core.plain_metrics import cases_of, plain_metrics

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.metric_sums import MetricSums, equal_groups
from tsfm_runner.core.metrics import metric_columns, metrics

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
COVERAGES = (0.9, 0.8, 0.5)
MISSES = np.array([0.1, 0.2, 0.5])
MEDIAN = LEVELS.index(0.5)
N_COLUMNS = metric_columns(len(LEVELS)).n_columns


class Study(NamedTuple):
    """Bands, outcomes, and how far prices went on up and down."""

    values: FloatArray
    outcomes: FloatArray
    rise: FloatArray
    fall: FloatArray

    @property
    def lower(self) -> FloatArray:
        return self.values[..., :MEDIAN]

    @property
    def upper(self) -> FloatArray:
        return self.values[..., :MEDIAN:-1]

    def columns(self) -> FloatArray:
        return metrics(
            self.values,
            self.outcomes,
            quantile_levels=LEVELS,
            rise=self.rise,
            fall=self.fall,
        )

    def sums(self) -> MetricSums:
        return MetricSums(LEVELS, self.columns().sum(axis=(0, 1)))


def drawn(seed: int, n: int = 40, horizon: int = 3) -> Study:
    """Return prices on a coarse grid, so that many stand on an edge, or on both."""
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, 20, (n, horizon, 1))
    values = np.sort(centre + rng.integers(-3, 4, (n, horizon, 7)), axis=-1) / 100
    values[: n // 4] = values[: n // 4, :, [MEDIAN]]
    outcomes = (centre[..., 0] + rng.integers(-4, 5, (n, horizon))) / 100
    outcomes[: n // 8] = values[: n // 8, :, MEDIAN]
    outcomes[-3:, 1] = np.nan
    rise, fall = rng.integers(0, 7, (2, n, horizon)) / 100
    rise[5:9], fall[7:11] = np.nan, np.nan
    return Study(values, outcomes, rise, fall)


def at(sums: MetricSums, coverage: float) -> dict[str, float]:
    """Return every metric, by name, of means."""
    means = sums.per_outcome()
    return {
        "closed": float(means.closed(coverage)),
        "open": float(means.open(coverage)),
        "below": float(means.below(coverage)),
        "above": float(means.above(coverage)),
        "tie_error": float(sums.tie_error(coverage)),
        "breach_rate": float(sums.breach_rate(coverage)),
        "width": float(means.width(coverage)),
        "interval_score": float(means.interval_score(coverage)),
        "weighted_interval_score": float(means.weighted_interval_score()),
        "mean_pinball": float(means.mean_pinball()),
        "absolute_error": float(means.absolute_error()),
        "root_mean_squared_error": float(sums.root_mean_squared_error()),
        "follow_through": float(sums.follow_through()),
    }


def test_every_metric_by_hand() -> None:
    band = np.tile([0.4, 0.5, 0.6], (4, 1, 1))
    outcomes = np.array([[0.3], [0.4], [0.55], [0.8]])
    columns = metrics(
        band,
        outcomes,
        quantile_levels=(0.1, 0.5, 0.9),
        rise=np.array([[0.0], [0.0], [0.0], [0.05]]),
        fall=np.array([[0.01], [0.5], [0.0], [0.0]]),
    )

    found = at(MetricSums((0.1, 0.5, 0.9), columns.sum(axis=(0, 1))), 0.8)

    score = 0.2 + (0.1 + 0.2) * 10 / 4
    error = (0.2 + 0.1 + 0.05 + 0.3) / 4
    assert found == pytest.approx(
        {
            "closed": 2 / 4,
            "open": 1 / 4,
            "below": 1 / 4,
            "above": 1 / 4,
            "tie_error": 0.8 - 2 / 4,
            "breach_rate": 2 / 4,
            "width": 0.2,
            "interval_score": score,
            "weighted_interval_score": (error / 2 + 0.1 * score) / 1.5,
            "mean_pinball": (error / 2 + 0.1 * score) / 3,
            "absolute_error": error,
            "root_mean_squared_error": math.sqrt((0.04 + 0.01 + 0.0025 + 0.09) / 4),
            "follow_through": 1 / 2,
        }
    )


@pytest.mark.parametrize("coverage", COVERAGES)
@pytest.mark.parametrize("seed", range(8))
def test_every_metric_is_that_of_plain_loops_over_fractions(
    coverage: float, seed: int
) -> None:
    study = drawn(seed)

    found = at(study.sums(), coverage)

    cases = cases_of(*study, levels=LEVELS)
    assert found == pytest.approx(plain_metrics(cases, coverage), abs=1e-12, rel=1e-12)


def test_the_grid_of_the_cases_has_outcomes_on_edges_and_bands_without_width() -> None:
    sums = drawn(0).sums()

    on_edges = sums.closed(0.8) - sums.open(0.8)
    both = sums.level_at_or_below()[..., 1] - sums.level_below()[..., -2]
    assert on_edges > 20
    assert sums.open(0.8) + both > 0


@pytest.mark.parametrize("coverage", COVERAGES)
def test_the_interval_score_is_that_of_scoringrules(coverage: float) -> None:
    study = drawn(11)
    place = COVERAGES.index(coverage)

    found = MetricSums(LEVELS, study.columns()).interval_score(coverage)

    expected = scoringrules.interval_score(
        study.outcomes,
        study.lower[..., place],
        study.upper[..., place],
        MISSES[place],
        backend="numpy",
    )
    assert found == pytest.approx(np.nan_to_num(expected), abs=1e-12)


def test_the_pinball_loss_is_that_of_scoringrules_and_of_scikit_learn() -> None:
    study = drawn(12)
    is_known = ~np.isnan(study.outcomes)

    found = MetricSums(LEVELS, study.columns()[is_known]).pinball()

    y, quantiles = study.outcomes[is_known], study.values[is_known]
    for place, level in enumerate(LEVELS):
        theirs = scoringrules.quantile_score(
            y, quantiles[:, place], level, backend="numpy"
        )
        mean = mean_pinball_loss(y, quantiles[:, place], alpha=level)
        assert found[:, place] == pytest.approx(theirs, abs=1e-12)
        assert found[:, place].mean() == pytest.approx(mean, abs=1e-12)


def test_the_weighted_interval_score_is_that_of_scoringrules_for_the_intervals() -> (
    None
):
    study = drawn(13)
    n_intervals = len(COVERAGES)

    found = MetricSums(LEVELS, study.columns()).weighted_interval_score()

    intervals = scoringrules.weighted_interval_score(
        study.outcomes,
        study.values[..., MEDIAN],
        study.lower,
        study.upper,
        MISSES,
        w_median=0.0,
        backend="numpy",
    )
    error = np.abs(study.outcomes - study.values[..., MEDIAN])
    expected = intervals + error / 2 / (n_intervals + 0.5)
    assert found == pytest.approx(np.nan_to_num(expected), abs=1e-12)


def test_scoringrules_in_numpy_adds_the_median_in_place_of_its_error() -> None:
    """A defect of scoringrules 0.10.0, which is why its whole score is no oracle.

    Outcome, median and edges of 0.7 leave nothing to score, and its back end in
    numba says so.
    """
    edge = np.array([[0.7]])

    theirs = scoringrules.weighted_interval_score(
        np.array([0.7]), np.array([0.7]), edge, edge, np.array([0.2]), backend="numpy"
    )

    assert theirs == pytest.approx(0.7 / 2 / 1.5)


@given(seed=st.integers(0, 2**32), cut=st.integers(1, 39))
def test_the_sums_of_two_parts_make_those_of_the_whole(seed: int, cut: int) -> None:
    study = drawn(seed)

    parts = [
        Study(*(column[rows] for column in study)).sums().sums
        for rows in (slice(None, cut), slice(cut, None))
    ]

    added = at(MetricSums(LEVELS, parts[0] + parts[1]), 0.8)
    assert added == pytest.approx(at(study.sums(), 0.8), abs=1e-12)


@given(seed=st.integers(0, 2**32), scale=st.integers(2, 9))
def test_scores_scale_with_the_prices_and_shares_do_not(seed: int, scale: int) -> None:
    study = drawn(seed)
    scaled = study._replace(
        values=scale * study.values, outcomes=scale * study.outcomes
    )

    found = at(scaled.sums(), 0.8)

    expected = at(study.sums(), 0.8)
    scores = (
        "width",
        "interval_score",
        "weighted_interval_score",
        "mean_pinball",
        "absolute_error",
        "root_mean_squared_error",
    )
    for name in scores:
        expected[name] *= scale
    assert found == pytest.approx(expected, abs=1e-12)


@given(seed=st.integers(0, 2**32))
def test_the_other_side_of_the_market_swaps_misses_and_no_more(seed: int) -> None:
    study = drawn(seed)
    other = Study(
        1 - study.values[..., ::-1], 1 - study.outcomes, study.fall, study.rise
    )

    found = at(other.sums(), 0.8)

    expected = at(study.sums(), 0.8)
    expected["below"], expected["above"] = expected["above"], expected["below"]
    assert found == pytest.approx(expected, abs=1e-12)


def test_ratios_are_the_same_of_sums_and_of_means() -> None:
    sums = drawn(14).sums()

    means = sums.per_outcome()

    assert means.n == 1
    assert at(means, 0.8) == pytest.approx(at(sums, 0.8))


@pytest.mark.parametrize(
    ("closed", "inside", "error"),
    [(9, 7, 0.0), (7, 7, 0.1), (10, 9, 0.1), (8, 8, 0.0)],
)
def test_the_error_is_how_far_the_target_lies_outside_open_to_closed(
    closed: int, inside: int, error: float
) -> None:
    columns = metric_columns(3)
    sums = np.zeros(columns.n_columns)
    sums[columns.n] = 10
    sums[columns.at_or_below] = closed
    sums[columns.inside] = inside

    found = MetricSums((0.1, 0.5, 0.9), sums).tie_error(0.8)

    assert found == pytest.approx(error)


def test_without_outcomes_there_is_nothing_to_tell() -> None:
    found = at(MetricSums(LEVELS, np.zeros(N_COLUMNS)), 0.8)

    assert all(math.isnan(value) for value in found.values())


def test_sums_of_any_shape_keep_it() -> None:
    columns = drawn(15).columns()

    sums = MetricSums(LEVELS, columns)

    assert sums.closed(0.8).shape == sums.tie_error(0.8).shape == columns.shape[:-1]
    assert sums.pinball().shape == (*columns.shape[:-1], len(LEVELS))


def test_equal_groups_weigh_alike_however_many_outcomes_they_have() -> None:
    study = drawn(16)
    columns = study.columns()
    groups = np.stack([columns[:35].sum(axis=0), columns[35:].sum(axis=0)])

    found = MetricSums(LEVELS, equal_groups(groups).sum(axis=0)).per_outcome()

    each = MetricSums(LEVELS, groups).per_outcome()
    assert found.closed(0.8) == pytest.approx(each.closed(0.8).mean(axis=0))
    assert found.interval_score(0.9) == pytest.approx(
        each.interval_score(0.9).mean(axis=0)
    )


def test_a_group_without_outcomes_has_no_weight() -> None:
    columns = drawn(17).columns()
    groups = np.stack([columns.sum(axis=0), np.zeros_like(columns[0])])

    found = equal_groups(groups)

    assert found[:, :, 0].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert not found[1].any()
