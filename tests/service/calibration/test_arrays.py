"""Rows of one key, and the place of a key among arrays by segment and cell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.service.calibration.arrays import BySegment, by_key, runs_of


@given(keys=st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_rows_of_one_key_are_added_up(keys: list[int]) -> None:
    table = np.arange(2.0 * len(keys)).reshape(-1, 2)

    runs = runs_of(np.array(keys))

    assert runs.keys.tolist() == sorted(set(keys))
    expected = [table[np.array(keys) == key].sum(axis=0) for key in sorted(set(keys))]
    assert runs.sums(table) == pytest.approx(np.array(expected))


def test_what_is_set_by_key_is_set_for_its_segment_and_cell() -> None:
    arrays = BySegment()
    arrays.grow(3, 4)

    by_key(arrays.tails)[1 * 4 + 2] = 0.25

    assert (arrays.tails[1, 2] == 0.25).all()
    assert np.count_nonzero(arrays.tails == 0.25) == arrays.tails[1, 2].size


def test_an_array_that_cannot_be_viewed_by_key_is_refused() -> None:
    arrays = BySegment()
    arrays.grow(3, 4)

    with pytest.raises(ValueError, match="copy"):
        by_key(arrays.counts[:, :2])
