import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.conformal.cells import cell_of, last_step_of

N_CELLS = 26


def test_the_first_twelve_steps_have_a_cell_each() -> None:
    assert cell_of(np.arange(1, 13)).tolist() == list(range(12))


def test_the_last_step_of_a_cell_belongs_to_it_and_the_next_does_not() -> None:
    for cell in range(N_CELLS - 1):
        last = last_step_of(cell)

        assert cell_of(np.array([last, last + 1])).tolist() == [cell, cell + 1]


def test_steps_of_a_cell_are_alike_to_a_third() -> None:
    lasts = np.array([last_step_of(cell) for cell in range(N_CELLS)])

    assert (lasts[12:] / (lasts[11:-1] + 1)).max() < 1.34


@pytest.mark.parametrize("step", [288, 289, 10_000])
def test_a_step_beyond_all_cells_belongs_to_the_last(step: int) -> None:
    assert cell_of(np.array([step])).tolist() == [N_CELLS - 1]


@given(steps=st.lists(st.integers(1, 400), min_size=2))
def test_a_later_step_is_in_no_earlier_cell(steps: list[int]) -> None:
    assert (np.diff(cell_of(np.sort(steps))) >= 0).all()
