import numpy as np
import pytest
from tests.service.builders import CUTOFF, prepared, task

from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.preparing import prepare_many

NAN = np.nan


def times_back(*minutes: float) -> np.ndarray:
    return CUTOFF.timestamp() - 60 * np.array(minutes, float)


def test_short_holes_are_filled_forward_and_counted() -> None:
    ready = prepared([0.1, NAN, NAN, 0.4])

    assert ready.context.tolist() == [0.1, 0.1, 0.1, 0.4]
    assert ready.missing_ratio == 0.5
    assert not ready.has_long_gap


def test_only_points_after_a_long_gap_are_used() -> None:
    ready = prepared([0.1, *[NAN] * 13, 0.4, 0.5])

    assert ready.context.tolist() == [0.4, 0.5]
    assert ready.has_long_gap


def test_the_request_may_set_the_longest_gap() -> None:
    facts = MarketFacts(max_gap_minutes=5)

    ready = prepared([0.1, NAN, NAN, 0.4], facts=facts)

    assert ready.context.tolist() == [0.4]


def test_the_settings_set_the_longest_gap_otherwise() -> None:
    config = PreparationConfig(max_gap_minutes=5)

    [ready] = prepare_many([task([0.1, NAN, NAN, 0.4])], config)

    assert ready.context.tolist() == [0.4]


def test_one_missing_step_is_always_filled() -> None:
    facts = MarketFacts(max_gap_minutes=1)

    ready = prepared([0.1, NAN, 0.4], facts=facts)

    assert ready.context.tolist() == [0.1, 0.1, 0.4]


def test_only_the_most_recent_steps_are_looked_at() -> None:
    config = PreparationConfig(context_length=2)

    [ready] = prepare_many([task([0.1, NAN, 0.3, 0.4])], config)

    assert ready.context.tolist() == [0.3, 0.4]
    assert ready.missing_ratio == 0


def test_irregular_points_are_put_on_the_grid_by_the_last_value() -> None:
    ready = prepared([0.1, 0.2, 0.3, 0.4], times_s=times_back(16, 11, 10.5, 0))

    assert ready.context.tolist() == [0.1, 0.3, 0.3, 0.4]
    assert ready.missing_ratio == 0.25


def test_unknown_points_between_irregular_ones_are_passed_over() -> None:
    ready = prepared([0.1, 0.2, NAN, 0.4], times_s=times_back(10, 6, 5.5, 0))

    assert ready.context.tolist() == [0.1, 0.2, 0.4]


@pytest.mark.parametrize("times_s", [None, times_back(15, 10, 5, 0)])
def test_an_unknown_end_is_filled_and_told(times_s: np.ndarray | None) -> None:
    ready = prepared([0.1, 0.2, NAN, NAN], times_s=times_s)

    assert ready.context.tolist() == [0.1, 0.2, 0.2, 0.2]
    assert ready.fresh_context.tolist() == [0.1, 0.2]
    assert (ready.n_stale, ready.n_filled) == (2, 2)
    assert not ready.has_long_gap


@pytest.mark.parametrize("times_s", [None, times_back(*range(5 * 302, -1, -5))])
def test_however_old_the_last_price_is_it_is_used(times_s: np.ndarray | None) -> None:
    ready = prepared([0.1, 0.2, 0.3, *[NAN] * 300], times_s=times_s)

    assert ready.context.tolist() == [0.1, 0.2, 0.3]
    assert ready.fresh_context.tolist() == [0.1, 0.2, 0.3]
    assert ready.n_stale == 300
    assert ready.has_long_gap


@pytest.mark.parametrize("times_s", [None, times_back(*range(5 * 302, -1, -5))])
def test_no_gap_may_be_longer_than_the_context(times_s: np.ndarray | None) -> None:
    ready = prepared(
        [0.1, 0.2, 0.3, *[NAN] * 300],
        times_s=times_s,
        facts=MarketFacts(max_gap_minutes=1e6),
    )

    assert ready.has_long_gap
    assert ready.fresh_context.tolist() == [0.1, 0.2, 0.3]


def test_a_last_point_just_after_the_cutoff_is_taken() -> None:
    late = times_back(5, 0) + np.array([0, 0.0005])

    ready = prepared([0.1, 0.2], times_s=late)

    assert ready.context.tolist() == [0.1, 0.2]


@pytest.mark.parametrize("times_s", [None, times_back(20, 15, 10, 5, 0)])
def test_missing_steps_are_counted_alike_with_and_without_times(
    times_s: np.ndarray | None,
) -> None:
    ready = prepared([NAN, NAN, 0.1, 0.2, 0.3], times_s=times_s)

    assert ready.missing_ratio == pytest.approx(0.4)


def test_covariates_keep_their_own_values_where_prices_are_filled() -> None:
    ready = prepared([NAN, 0.2, NAN, 0.4, NAN], past_covariates={"v": np.arange(5.0)})

    assert ready.context.tolist() == [0.2, 0.2, 0.4, 0.4]
    assert ready.past_covariates["v"].tolist() == [1, 2, 3, 4]


def test_covariates_of_irregular_points_follow_the_grid() -> None:
    ready = prepared(
        [0.1, 0.2, NAN, 0.4],
        times_s=times_back(16, 11, 10.5, 0),
        past_covariates={"v": np.array([1.0, 2.0, 3.0, 4.0])},
    )

    assert ready.context.tolist() == [0.1, 0.2, 0.2, 0.4]
    assert ready.past_covariates["v"].tolist() == [1, 3, 3, 4]


def test_a_series_without_holes_tells_of_none() -> None:
    regular = prepared([0.1, 0.2, 0.3])
    irregular = prepared([0.1, 0.2, 0.3], times_s=times_back(10, 5, 0))

    assert regular.is_observed is None
    assert irregular.is_observed is None


@pytest.mark.parametrize("times_s", [None, times_back(20, 15, 10, 5, 0)])
def test_steps_that_were_filled_are_told_from_those_with_a_price(
    times_s: np.ndarray | None,
) -> None:
    ready = prepared([NAN, 0.2, NAN, 0.4, NAN], times_s=times_s)

    assert ready.is_observed is not None
    assert ready.is_observed.tolist() == [True, False, True, False]


def test_what_lies_before_a_long_gap_is_not_told_of() -> None:
    ready = prepared([NAN, 0.1, NAN, *[NAN] * 13, 0.4, 0.5])

    assert ready.is_observed is None


def test_the_tick_is_given_or_found() -> None:
    found = prepared([0.41, 0.42, 0.40])
    given = prepared([0.41, 0.42, 0.40], facts=MarketFacts(tick_size=0.001))

    assert (found.tick, given.tick) == (0.01, 0.001)


def test_the_levels_that_calibration_goes_by_are_always_computed() -> None:
    ready = prepared(quantile_levels=(0.05, 0.95))

    assert ready.levels == (0.05, 0.1, 0.5, 0.9, 0.95)
