"""How far a price moved lately, in numbers that a reader can check by hand."""

import math

import numpy as np
import pytest
from tests.core.foundation.seen import window_of

from tsfm_runner.core.foundation.volatility import volatility_features

ALTERNATING = [0.4, 0.6] * 144


def test_steady_moves_show_no_clusters() -> None:
    features = volatility_features(window_of(ALTERNATING))

    for name in ("3", "12", "48", "144"):
        assert features[f"log_volatility_{name}"] == pytest.approx(0, abs=1e-3)
    for name in ("3", "6", "24"):
        assert features[f"log_mean_move_{name}"] == pytest.approx(
            math.log(1.02) / 2, abs=1e-3
        )
    assert features["newest_move_surprise"] == pytest.approx(0, abs=1e-9)


def test_the_newest_change_counts_most() -> None:
    window = window_of([0.5] * 100 + [0.6], [0.5, 0.6] + [0.6] * 99)

    features = volatility_features(window)

    for name in ("log_volatility_3", "log_mean_move_3", "newest_move_surprise"):
        assert features[name][0] > features[name][1] + 1


def test_weights_halve_every_half_life() -> None:
    window = window_of([0.4, 0.6, 0.6, 0.6, 0.6], [0.6, 0.6, 0.6, 0.4, 0.4])

    [old, new] = volatility_features(window)["log_volatility_3"]

    share = 0.04 / (1 + 2 ** (-1 / 3) + 2 ** (-2 / 3) + 0.5)
    scale = math.sqrt((0.04 + 0.25 * 0.0009 * 0.24) / 4.25 + 4e-8)
    assert old == pytest.approx(math.log((0.5 * share + 1e-8) / scale**2) / 2)
    recent = 2 ** (-1 / 3) * share
    assert new == pytest.approx(math.log((recent + 1e-8) / scale**2) / 2)


def test_mean_moves_are_means_of_what_is_known() -> None:
    window = window_of([0.5, 0.5, 0.8, 0.4])

    features = volatility_features(window)

    [scale] = window.scale
    for name, n_steps in (("3", 3), ("6", 3), ("24", 3)):
        expected = math.log(0.7 / n_steps / scale + 0.02) / 2
        assert features[f"log_mean_move_{name}"] == pytest.approx(expected)


def test_a_single_price_has_not_moved() -> None:
    features = volatility_features(window_of([0.5]))

    assert features["log_mean_move_3"] == pytest.approx(math.log(0.02) / 2)
    assert features["newest_move_surprise"] == pytest.approx(0)
    assert features["largest_move"] == pytest.approx(0)
    assert np.isfinite(list(features.values())).all()


def test_the_largest_move_is_the_largest_of_all_or_of_the_last_twelve() -> None:
    window = window_of([0.9] + [0.5] * 12 + [0.7], [0.5] * 13 + [0.7, 0.9])

    features = volatility_features(window)

    largest = np.array([0.4, 0.2])
    largest_12 = np.array([0.2, 0.2])
    assert features["largest_move"] == pytest.approx(
        np.arcsinh(largest / window.scale) / 2
    )
    assert features["largest_move_12"] == pytest.approx(
        np.arcsinh(largest_12 / window.scale) / 2
    )
