"""How often a price moves, and how its moves follow one another, by hand."""

import math

import pytest
from tests.core.foundation.seen import window_of

from tsfm_runner.core.foundation.movement import movement_features


def test_shares_count_the_steps_that_moved() -> None:
    features = movement_features(window_of([0.5] * 10 + [0.6] * 3, [0.5, 0.6, 0.6]))

    assert features["moving_share_6"] == pytest.approx([1 / 6, 1 / 2])
    assert features["moving_share_12"] == pytest.approx([1 / 12, 1 / 2])
    assert features["moving_share"] == pytest.approx([1 / 12, 1 / 2])


def test_noise_of_storage_is_no_move() -> None:
    features = movement_features(window_of([0.5, 0.5 + 5e-8, 0.5 + 3e-7]))

    assert features["moving_share"] == pytest.approx(0.5)


def test_steps_since_the_last_move_are_counted() -> None:
    features = movement_features(
        window_of([0.5, 0.6], [0.5, 0.6, 0.6, 0.6], [0.5, 0.5, 0.5])
    )

    expected = [math.log(1) / 3, math.log(3) / 3, math.log(4) / 3]
    assert features["log_steps_since_move"] == pytest.approx(expected)


def test_the_last_move_has_a_sign() -> None:
    window = window_of([0.5, 0.6, 0.6], [0.5, 0.4, 0.4], [0.5])

    features = movement_features(window)

    up = math.asinh(0.1 / window.scale[0])
    assert features["last_move"] == pytest.approx([up, -up, 0])
    assert features["last_move_size"] == pytest.approx([up, up, 0])


@pytest.mark.parametrize(
    ("prices", "share"),
    [
        ([0.5, 0.6, 0.5, 0.6], 1),
        ([0.5, 0.6, 0.7, 0.8], 0),
        ([0.5, 0.6, 0.6, 0.5, 0.4], 0.5),  # rest between two moves parts them not
        ([0.5, 0.6, 0.6], 0.5),  # nothing to tell from
        ([0.5], 0.5),
    ],
)
def test_reversals_are_counted_among_moves(prices: list[float], share: float) -> None:
    features = movement_features(window_of(prices))

    assert features["reversal_share"] == pytest.approx(share)


def test_reversals_are_those_of_the_same_market() -> None:
    window = window_of([0.5, 0.6], [0.5], [0.6, 0.5, 0.4], [0.3], [0.4, 0.5, 0.3])

    features = movement_features(window)

    assert features["reversal_share"].tolist() == [0.5, 0.5, 0, 0.5, 1]


def test_alternating_changes_are_opposed_and_of_one_size() -> None:
    features = movement_features(window_of([0.4, 0.6] * 144))

    assert features["change_correlation"] == pytest.approx(-286 / 287, abs=1e-5)
    assert features["move_size_product"] == pytest.approx(286 / 287, abs=1e-5)
    assert features["move_size_correlation"] == pytest.approx(0, abs=1e-6)
    assert features["log_variance_ratio_4"] == pytest.approx(-6.9, abs=0.1)


def test_sizes_that_come_in_clusters_are_correlated() -> None:
    clustered = [0.5] * 100 + [0.4, 0.6] * 50
    scattered = [0.5, 0.5, 0.6, 0.6] * 50

    features = movement_features(window_of(clustered, scattered))

    assert features["move_size_correlation"][0] > 0.9
    assert features["move_size_correlation"][1] < -0.9


def test_a_trend_has_more_variance_over_more_steps() -> None:
    window = window_of([0.01 * step for step in range(60)])

    features = movement_features(window)

    assert features["log_variance_ratio_4"] == pytest.approx(math.log(4) / 2, 1e-3)
    assert features["log_variance_ratio_12"] == pytest.approx(math.log(12) / 2, 1e-3)


def test_a_context_too_short_for_a_ratio_has_none() -> None:
    features = movement_features(window_of([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3]))

    assert features["log_variance_ratio_4"].tolist() == [0, 0]
