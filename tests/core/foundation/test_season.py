"""How far prices moved at this time on the days before, by hand and its edges."""

import math

import numpy as np
import pytest
from tests.core.foundation.seen import (
    aligned,
    column,
    inputs_of,
    opposite,
    seen,
    window_of,
)

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.foundation.season import season_features
from tsfm_runner.core.foundation.window import Window, open_window

HOUR = 60.0
AHEAD = (1, 3, 6, 12)
LOG_MOVES = (*(f"log_day_move_{n_steps}" for n_steps in AHEAD), "log_week_move_12")


def features_of(window: Window, step_minutes: float) -> dict[str, FloatArray]:
    return season_features(
        window, step_minutes=np.full(window.lengths.size, step_minutes)
    )


def log_moves(features: dict[str, FloatArray]) -> list[float]:
    return [features[name].item() for name in LOG_MOVES]


def moving_at(hours_ago: dict[int, float], *, length: int = 288) -> list[float]:
    """Return prices that move up by so much in the hour that began so long ago."""
    changes = np.zeros(length)
    for ago, change in hours_ago.items():
        changes[length - ago] = change
    prices: list[float] = (0.1 + np.cumsum(changes)).tolist()
    return prices


def told(mean_move: float, window: Window) -> float:
    return math.log(mean_move / window.scale[0] + 0.02) / 2


def test_moves_after_this_time_yesterday_are_told_as_a_mean() -> None:
    window = window_of(moving_at({24: 0.12, 22: 0.06, 13: 0.24}, length=30))

    features = features_of(window, HOUR)

    assert features["log_day_move_1"] == pytest.approx(told(0.12, window))
    assert features["log_day_move_3"] == pytest.approx(told(0.18 / 3, window))
    assert features["log_day_move_6"] == pytest.approx(told(0.18 / 6, window))
    assert features["log_day_move_12"] == pytest.approx(told(0.42 / 12, window))
    assert features["log_week_move_12"].tolist() == [0]


def test_days_are_averaged_and_the_week_ago_stands_alone() -> None:
    window = window_of(moving_at({24: 0.1, 48: 0.2, 120: 0.05, 144: 0.3, 168: 0.06}))

    features = features_of(window, HOUR)

    mean = (0.1 + 0.2 + 0.05) / 5  # the sixth day back counts in neither
    for n_steps in AHEAD:
        expected = told(mean / n_steps, window)
        assert features[f"log_day_move_{n_steps}"] == pytest.approx(expected)
    assert features["log_week_move_12"] == pytest.approx(told(0.06 / 12, window))


def test_only_days_within_the_context_are_averaged() -> None:
    window = window_of(moving_at({24: 0.1, 48: 0.2}, length=49))

    features = features_of(window, HOUR)

    assert features["log_day_move_1"] == pytest.approx(told(0.15, window))


def test_moves_at_the_start_of_a_context_stand_for_no_day() -> None:
    early = dict.fromkeys(range(230, 288), 0.01)
    window = window_of(moving_at({**early, 96: 0.1, 192: 0.05}))

    features = features_of(window, 15)

    for n_steps in AHEAD:
        expected = told(0.075 / n_steps, window)
        assert features[f"log_day_move_{n_steps}"] == pytest.approx(expected)
    assert features["log_week_move_12"].tolist() == [0]


@pytest.mark.parametrize(("length", "knows"), [(24, 0), (25, 1)])
def test_exactly_a_day_is_a_day(length: int, knows: int) -> None:
    window = window_of([0.5, 0.6] * 12 + [0.5] * (length - 24))

    features = features_of(window, HOUR)

    assert features["knows_day"].tolist() == [knows]
    assert np.any(log_moves(features)) == bool(knows)


@pytest.mark.parametrize(("length", "knows"), [(168, False), (169, True)])
def test_exactly_a_week_is_a_week(length: int, knows: bool) -> None:  # noqa: FBT001
    features = features_of(window_of([0.5] * length), HOUR)

    expected = math.log(0.02) / 2 if knows else 0
    assert features["log_week_move_12"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("step_minutes", "knows"),
    [
        (1, 0),  # a day is longer than the context
        (5, 0),  # by one step
        (6, 1),
        (7, 0),  # no whole steps in a day
        (37, 0),
        (100, 0),
        (1440 / 13, 1),
        (120, 1),  # 12 steps a day
        (1440 / 11, 0),
        (144, 0),
        (480, 0),
        (1440, 0),
        (10_080, 0),
    ],
)
def test_only_steps_that_divide_the_day_finely_know_it(
    step_minutes: float, knows: int
) -> None:
    window = window_of([0.4, 0.6] * 144)

    features = features_of(window, step_minutes)

    assert features["knows_day"].tolist() == [knows]
    assert np.any(log_moves(features)) == bool(knows)


def test_a_market_that_slept_at_this_time_is_told_from_one_that_did_not() -> None:
    awake = [0.5, *([0.5] * 12 + [0.6, 0.5] * 6) * 11]
    asleep = [0.5, *([0.6, 0.5] * 6 + [0.5] * 12) * 11]

    features = features_of(window_of(awake, asleep), HOUR)

    for name in LOG_MOVES:
        assert features[name][0] < features[name][1] - 1
    assert features["knows_day"].tolist() == [1, 1]


def test_markets_of_any_cadence_are_told_alike_alone_and_together() -> None:
    rng = np.random.default_rng(20260411)
    step_minutes = np.array([60, 5, 15, 120, 7, 60, 1, 60, 90, 30.0])
    lengths = np.array([288, 288, 287, 100, 288, 24, 9, 60, 288, 49])
    prices = rng.random((10, 288))

    together = season_features(open_window(prices, lengths), step_minutes=step_minutes)

    assert together["knows_day"].tolist() == [1, 0, 1, 1, 0, 0, 0, 1, 1, 1]
    for row in range(10):
        one = slice(row, row + 1)
        window = open_window(prices[one], lengths[one])
        alone = season_features(window, step_minutes=step_minutes[one])
        assert {name: value.item() for name, value in alone.items()} == {
            name: value[row] for name, value in together.items()
        }


def test_the_opposite_outcome_is_told_the_same() -> None:
    context = seen(
        np.random.default_rng(20260412).random(200).tolist(), step_minutes=HOUR
    )

    one, other = (inputs_of([side]) for side in (context, opposite(context)))

    for name in (*LOG_MOVES, "knows_day"):
        assert column(one, name) == pytest.approx(column(other, name), abs=1e-6)
        assert column(one, name) != [0]


def test_prices_before_the_context_are_not_seen() -> None:
    prices = np.random.default_rng(20260413).random(288)
    known = open_window(aligned([prices[-100:].tolist()]), np.array([100]))
    longer = open_window(prices[None], np.array([100]))

    assert log_moves(features_of(known, HOUR)) == log_moves(features_of(longer, HOUR))


def test_a_market_at_rest_has_moved_least() -> None:
    features = features_of(window_of([0.3] * 288), HOUR)

    assert log_moves(features) == pytest.approx([math.log(0.02) / 2] * 5)
