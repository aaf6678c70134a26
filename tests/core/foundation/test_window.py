"""The window that a model looks at: padding that never moves, and the scale."""

import numpy as np
import pytest
from tests.core.foundation.seen import window_of

from tsfm_runner.core.foundation.window import LEAST_SCALE


def test_padding_takes_the_first_price() -> None:
    window = window_of([0.25, 0.5], [0.75])

    assert window.prices[0, :-1].tolist() == [0.25] * 287
    assert window.prices[1].tolist() == [0.75] * 288
    assert window.is_valid.sum(axis=1).tolist() == [2, 1]


def test_changes_are_those_between_known_steps() -> None:
    window = window_of([0.25, 0.5, 0.375])

    assert window.changes[0, -3:].tolist() == [0, 0.25, -0.125]
    assert not window.changes[0, :-2].any()
    assert window.n_changes.tolist() == [2]


def test_scale_is_the_root_mean_square_of_the_changes() -> None:
    window = window_of([0.5, 0.6] * 144)

    assert window.scale == pytest.approx(0.1, rel=1e-3)


def test_a_market_without_a_past_is_expected_to_move_by_its_price() -> None:
    window = window_of([0.5], [0.1])

    expected = np.array([0.03 * 0.5, 0.03 * 0.3])
    assert window.scale == pytest.approx(np.hypot(expected, LEAST_SCALE))


def test_a_market_at_the_edge_has_the_least_scale() -> None:
    window = window_of([0.0] * 7, [1.0])

    assert window.scale == pytest.approx(LEAST_SCALE)


def test_rest_shrinks_the_expected_move() -> None:
    window = window_of([0.5], [0.5] * 12, [0.5] * 288)

    assert window.scale == pytest.approx([0.015, 0.00224, 0.00049], rel=0.01)
