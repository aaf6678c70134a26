"""Bands on the price grid: in order, within bounds, and no outcome lost to the grid."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tsfm_runner.core.conformal.band import calibrated_band, outward_margins

NO_GRID = np.nan
SIDES = np.array([-0.4, -0.2, 0.0, 0.2, 0.4])
LOW, HIGH = 0, -1


class Case(NamedTuple):
    """A market: its median, scale and margins (those of the inner side first)."""

    price: float
    scale: float
    margins: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    price = draw(st.integers(0, 2_000)) / 2_000
    scale = draw(st.floats(1e-4, 0.3))
    sizes = st.lists(st.floats(0, 6), min_size=2, max_size=2).map(sorted)
    inner, outer = draw(sizes), draw(sizes)
    both = np.array(
        [[side[1], side[0], 0, side[0], side[1]] for side in (inner, outer)]
    )
    return Case(price, scale, both)


def drawn(case: Case, tick: float = NO_GRID) -> np.ndarray:
    """Return the band of one market at one step, one price a side of `SIDES`."""
    price = np.array([[case.price]])
    signed = outward_margins(case.margins[None, None], price=price, tails=SIDES)
    scale = np.array([[case.scale]])
    band = calibrated_band(price, scale, signed, tick=np.array([tick]))
    return np.asarray(band[0, 0])


ticks = st.sampled_from([NO_GRID, 0.001, 0.01, 0.05])


def test_a_band_can_be_worked_out_by_hand() -> None:
    case = Case(0.3, 0.1, np.array([[2, 1, 0, 1, 2], [1, 0.5, 0, 0.5, 1.0]]))

    # Below 0.5 the inner side is above; the edges at 0.35 and 0.25 stay where they are.
    assert drawn(case) == pytest.approx([0.2, 0.25, 0.3, 0.4, 0.5])
    assert drawn(case, 0.03) == pytest.approx([0.21, 0.27, 0.3, 0.39, 0.48])


def test_above_the_middle_the_inner_side_is_below() -> None:
    case = Case(0.7, 0.1, np.array([[2, 1, 0, 1, 2], [1, 0.5, 0, 0.5, 1.0]]))

    assert drawn(case) == pytest.approx([0.5, 0.6, 0.7, 0.75, 0.8])


@given(case=cases(), tick=ticks)
def test_a_band_is_in_order_and_within_bounds(case: Case, tick: float) -> None:
    band = drawn(case, tick)

    assert (np.diff(band) >= 0).all()
    assert band[LOW] >= 0
    assert band[HIGH] <= 1
    assert band[LOW] <= case.price + 1e-12
    assert band[HIGH] >= case.price - 1e-12


@given(case=cases(), tick=st.sampled_from([0.001, 0.01, 0.05]))
def test_no_outcome_on_the_grid_is_lost_to_it(case: Case, tick: float) -> None:
    grid = np.arange(round(1 / tick) + 1) * tick
    free, snapped = drawn(case), drawn(case, tick)

    for low, high in ((0, -1), (1, -2)):
        was_inside = (grid >= free[low] - 1e-9) & (grid <= free[high] + 1e-9)
        is_inside = (grid >= snapped[low] - 1e-9) & (grid <= snapped[high] + 1e-9)
        assert not (was_inside & ~is_inside).any()


@given(case=cases(), tick=st.sampled_from([0.001, 0.01, 0.05]))
def test_the_grid_makes_no_band_wider_by_more_than_rounding(
    case: Case, tick: float
) -> None:
    free, snapped = drawn(case), drawn(case, tick)

    assert snapped[LOW] >= free[LOW] - 1e-3 * tick
    assert snapped[HIGH] <= free[HIGH] + 1e-3 * tick


@given(case=cases(), tick=st.sampled_from([0.001, 0.01, 0.05]))
def test_an_edge_is_on_the_grid_or_at_the_median(case: Case, tick: float) -> None:
    for edge in drawn(case, tick):
        off = abs(edge / tick - round(edge / tick))
        assert off < 1e-6 or abs(edge - case.price) < 1e-12


@given(case=cases(), tick=ticks)
def test_a_market_and_its_complement_mirror_each_other(case: Case, tick: float) -> None:
    assume(case.price != 0.5)
    other = case._replace(price=1 - case.price)

    assert drawn(other, tick) == pytest.approx(1 - drawn(case, tick)[::-1], abs=1e-9)


def test_without_margins_a_band_is_its_median() -> None:
    case = Case(0.4321, 0.1, np.zeros((2, 5)))

    assert drawn(case, 0.01) == pytest.approx(np.full(5, 0.4321))


def test_markets_with_and_without_a_grid_are_drawn_as_each_alone() -> None:
    rng = np.random.default_rng(20260310)
    median = rng.uniform(0.1, 0.9, (3, 4))
    scale = rng.uniform(0.001, 0.05, (3, 4))
    margins = np.sort(rng.normal(size=(3, 4, 5)), axis=-1)
    tick = np.array([0.01, NO_GRID, 0.001])

    together = calibrated_band(median, scale, margins, tick=tick)

    for place in range(3):
        one = slice(place, place + 1)
        alone = calibrated_band(median[one], scale[one], margins[one], tick=tick[one])
        assert np.array_equal(together[one], alone)


def test_levels_of_a_band_that_would_cross_are_put_in_order() -> None:
    margins = np.array([[[-1.0, -2.0, 0.0, 2.0, 1.0]]])

    band = calibrated_band(
        np.array([[0.5]]), np.array([[0.1]]), margins, tick=np.array([NO_GRID])
    )

    assert band[0, 0] == pytest.approx([0.4, 0.4, 0.5, 0.7, 0.7])
