import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.conformal.p_values import is_beyond, margin_p_values

TAILS = np.array([0.005, 0.05, 0.1, 0.4])
MARGINS = np.array([4.0, 2.0, 1.0, 0.5])


def p_values(sizes: np.ndarray, beyond: float = 1.0) -> np.ndarray:
    return margin_p_values(
        sizes,
        np.tile(MARGINS, (sizes.size, 1)),
        tails=TAILS,
        beyond=np.full(sizes.size, beyond),
    )


def test_on_a_margin_stands_its_own_tail_of_both_sides() -> None:
    assert p_values(MARGINS).tolist() == pytest.approx((2 * TAILS).tolist())


def test_near_the_median_everything_is_likely() -> None:
    assert p_values(np.array([0.0, 0.25])).tolist() == pytest.approx([1.0, 0.9])


def test_between_margins_the_logarithm_is_straight() -> None:
    [found] = p_values(np.array([1.5]))

    assert found == pytest.approx(2 * np.sqrt(0.05 * 0.1))


def test_beyond_all_margins_the_sketch_decides() -> None:
    assert p_values(np.array([9.0]), beyond=0.1).tolist() == pytest.approx([0.001])
    assert is_beyond(np.array([9.0, 4.0]), np.tile(MARGINS, (2, 1))).tolist() == [
        True,
        False,
    ]


def test_margins_that_are_alike_are_no_trouble() -> None:
    margins = np.array([[1.0, 1.0, 0.0, 0.0]] * 3)

    found = margin_p_values(
        np.array([0.0, 0.5, 1.0]), margins, tails=TAILS, beyond=np.ones(3)
    )

    assert found[0] == 1
    assert 0.1 < found[1] < 0.8
    assert found[2] == pytest.approx(0.1)


@given(
    sizes=st.lists(st.floats(0, 10), min_size=2, max_size=20).map(np.array),
    margins=st.lists(st.floats(0, 5), min_size=4, max_size=4).map(
        lambda one: np.array(sorted(one, reverse=True))
    ),
)
def test_what_is_farther_is_never_more_likely(
    sizes: np.ndarray, margins: np.ndarray
) -> None:
    ordered = np.sort(sizes)
    found = margin_p_values(
        ordered,
        np.tile(margins, (ordered.size, 1)),
        tails=TAILS,
        beyond=np.ones(ordered.size),
    )

    assert (np.diff(found) <= 1e-9).all()
    assert ((found >= 0) & (found <= 1)).all()
