"""The k-th smallest of every window, against sorting each window by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.sliding_order import sliding_order_statistics


def windows_of(row: np.ndarray, length: int) -> list[np.ndarray]:
    """Return what is known in the window that ends at each point, in order."""
    ends = range(1, row.size + 1)
    windows = [row[max(0, end - length) : end] for end in ends]
    return [np.sort(window[~np.isnan(window)]) for window in windows]


def assert_is_sorted_by_window(values: np.ndarray, lengths: list[int]) -> None:
    """Compare every rank of every window."""
    shape = (len(values), max(lengths), values.shape[1])
    ranks = (
        np.zeros(shape, dtype=np.int32) + np.arange(shape[1], dtype=np.int32)[:, None]
    )

    found = sliding_order_statistics(values, lengths=lengths, ranks=ranks)

    for row, length, ours in zip(values, lengths, found, strict=True):
        for end, window in enumerate(windows_of(row, length)):
            assert ours[: window.size, end].tolist() == window.tolist()


@st.composite
def series(draw: st.DrawFn) -> np.ndarray:
    """Return (n_series, n_points) values on a grid or off it; some are missing."""
    n_points = draw(st.integers(1, 90))
    value = st.one_of(st.integers(-3, 3).map(float), st.floats(-1, 1), st.just(np.nan))
    row = st.lists(value, min_size=n_points, max_size=n_points)
    return np.array(draw(st.lists(row, min_size=1, max_size=3)))


def test_the_middle_of_three_by_hand() -> None:
    middle = np.array([[[0, 0, 1, 1, 1]]], dtype=np.int32)

    found = sliding_order_statistics(
        np.array([[3.0, 1.0, 2.0, 5.0, 4.0]]), lengths=[3], ranks=middle
    )

    assert found.tolist() == [[[3, 1, 2, 2, 4]]]


@given(values=series(), data=st.data())
def test_every_rank_is_that_of_the_sorted_window(
    values: np.ndarray, data: st.DataObject
) -> None:
    lengths = [data.draw(st.integers(1, 100)) for _ in values]

    assert_is_sorted_by_window(values, lengths)


@pytest.mark.parametrize("n_points", [63, 64, 65, 128, 129, 700])
def test_series_end_anywhere_in_a_word(n_points: int) -> None:
    values = np.random.default_rng(5).normal(size=(2, n_points))

    assert_is_sorted_by_window(values, [7, n_points - 1])


def test_only_the_last_windows_can_be_asked_for() -> None:
    values = np.random.default_rng(6).normal(size=(3, 100))
    ranks = np.random.default_rng(7).integers(0, 20, size=(3, 4, 100)).astype(np.int32)

    some = sliding_order_statistics(values, lengths=[20] * 3, ranks=ranks[..., 60:])

    all_of_them = sliding_order_statistics(values, lengths=[20] * 3, ranks=ranks)
    assert (some == all_of_them[..., 60:]).all()


@given(values=series(), length=st.integers(1, 100))
def test_an_increasing_change_of_values_keeps_their_order(
    values: np.ndarray, length: int
) -> None:
    ranks = np.zeros((len(values), 1, values.shape[1]), dtype=np.int32)
    lengths = [length] * len(values)

    doubled = sliding_order_statistics(2 * values, lengths=lengths, ranks=ranks)

    plain = sliding_order_statistics(values, lengths=lengths, ranks=ranks)
    np.testing.assert_array_equal(doubled, 2 * plain)
