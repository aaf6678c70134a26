import numpy as np
import pytest
from tests.service.builders import CUTOFF, prepared, task

from tsfm_runner.config import PreparationConfig, Settings
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.preparing import prepare

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

    ready = prepare(task([0.1, NAN, NAN, 0.4]), config)

    assert ready.context.tolist() == [0.4]


def test_one_missing_step_is_always_filled() -> None:
    facts = MarketFacts(max_gap_minutes=1)

    ready = prepared([0.1, NAN, 0.4], facts=facts)

    assert ready.context.tolist() == [0.1, 0.1, 0.4]


def test_only_the_most_recent_steps_are_looked_at() -> None:
    config = PreparationConfig(context_length=2)

    ready = prepare(task([0.1, NAN, 0.3, 0.4]), config)

    assert ready.context.tolist() == [0.3, 0.4]
    assert ready.missing_ratio == 0


def test_irregular_points_are_put_on_the_grid_by_the_last_value() -> None:
    ready = prepared([0.1, 0.2, 0.3, 0.4], times_s=times_back(16, 11, 10.5, 0))

    assert ready.context.tolist() == [0.1, 0.3, 0.3, 0.4]
    assert ready.missing_ratio == 0.25


def test_unknown_points_between_irregular_ones_are_passed_over() -> None:
    ready = prepared([0.1, 0.2, NAN, 0.4], times_s=times_back(10, 6, 5.5, 0))

    assert ready.context.tolist() == [0.1, 0.2, 0.4]


def test_an_irregular_series_may_end_unknown() -> None:
    ready = prepared([0.1, 0.2, NAN], times_s=times_back(10, 5, 0))

    assert ready.context.tolist() == [0.1, 0.2, 0.2]


def test_covariates_follow_their_points() -> None:
    columns = {"volume": np.array([1.0, 2.0, 3.0, 4.0])}

    ready = prepared(
        [0.1, 0.2, NAN, 0.4],
        times_s=times_back(16, 11, 10.5, 0),
        past_covariates=columns,
    )

    assert ready.past_covariates["volume"].tolist() == [1, 2, 2, 4]


def test_a_series_that_is_too_old_is_refused() -> None:
    with pytest.raises(InvalidTaskError, match="within the last 288 steps"):
        prepared([0.1, NAN], times_s=times_back(1e6, 0))


def test_the_tick_is_given_or_found() -> None:
    found = prepared([0.41, 0.42, 0.40])
    given = prepared([0.41, 0.42, 0.40], facts=MarketFacts(tick_size=0.001))

    assert (found.tick, given.tick) == (0.01, 0.001)


def test_the_median_is_always_computed() -> None:
    ready = prepare(task(quantile_levels=(0.05, 0.95)), Settings().preparation)

    assert ready.levels == (0.05, 0.5, 0.95)
