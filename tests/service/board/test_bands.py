"""A band is looked up at the step that was drawn for a moment."""

import numpy as np
import pytest
from tests.service.board.boards import CUTOFF_S, STEP_S, answer

from tsfm_runner.service.board.bands import BandStep, IssuedBand


def test_a_price_between_two_steps_is_held_against_the_later_one() -> None:
    band = IssuedBand.of(answer(lower=[0.4, 0.3, 0.2]))

    steps = [band.at(CUTOFF_S + offset) for offset in (1, STEP_S, STEP_S + 1)]

    assert [step and step.step for step in steps] == [1, 1, 2]
    assert [step and step.lower for step in steps] == [0.4, 0.4, 0.3]


@pytest.mark.parametrize("offset_s", [-STEP_S, 0, 3 * STEP_S + 1])
def test_there_is_no_step_at_the_origin_before_it_or_beyond_the_horizon(
    offset_s: int,
) -> None:
    assert IssuedBand.of(answer()).at(CUTOFF_S + offset_s) is None


def test_the_last_step_is_the_farthest_ahead() -> None:
    last = IssuedBand.of(answer(upper=[0.6, 0.7, 0.8])).last

    assert (last.step, last.ts_s, last.upper) == (3, CUTOFF_S + 3 * STEP_S, 0.8)


def test_the_median_is_unknown_where_it_was_not_asked_for() -> None:
    asked = IssuedBand.of(answer())
    not_asked = IssuedBand.of(answer(quantile_levels=(0.1, 0.9)))

    assert asked.last.median == 0.5
    assert not_asked.last.median is None


@pytest.mark.parametrize(
    ("price", "position", "is_outside"),
    [(0.4, 0.0, False), (0.45, 0.25, False), (0.6, 1.0, False), (0.7, 1.5, True)],
)
def test_a_position_is_0_on_the_lower_edge_and_1_on_the_upper(
    price: float,
    position: float,
    is_outside: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    step = BandStep(0.0, 1, 300.0, 0.9, 0.4, 0.5, 0.6)

    assert step.position_of(price) == pytest.approx(position)
    assert step.is_left_by(price) is is_outside


def test_a_band_without_width_has_positions_all_the_same() -> None:
    step = BandStep(0.0, 1, 300.0, 0.9, 0.5, 0.5, 0.5)

    assert step.position_of(0.5) == 0
    assert np.isfinite(step.position_of(1.0))
