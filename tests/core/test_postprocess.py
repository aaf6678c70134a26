import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tsfm_runner.core.levels import normal_scores
from tsfm_runner.core.postprocess import (
    finish_bands,
    is_jumpy,
    limit_width,
    rearrange,
)

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
raw_bands = arrays(float, (3, 4, 5), elements=st.floats(-2, 3))


def finished(values: np.ndarray, *, min_width: float = 0.02) -> np.ndarray:
    bands = finish_bands(
        values,
        quantile_levels=LEVELS,
        min_width=np.full(len(values), min_width),
        max_width=0.9,
    )
    return bands.values


def test_crossing_quantiles_are_put_in_order_and_counted_by_step() -> None:
    ordered, crossings = rearrange(np.array([[[0.3, 0.2], [0.1, 0.4]]]))

    assert ordered.tolist() == [[[0.2, 0.3], [0.1, 0.4]]]
    assert crossings.tolist() == [1]


@given(values=raw_bands)
def test_rearranging_brings_no_quantile_further_from_the_truth(
    values: np.ndarray,
) -> None:
    truth = np.array([0.1, 0.2, 0.3, 0.4, 0.5])

    ordered, _ = rearrange(values)

    before = np.abs(values - truth).sum(axis=-1)
    assert (np.abs(ordered - truth).sum(axis=-1) <= before + 1e-9).all()


def test_narrow_and_wide_bands_by_hand() -> None:
    values = np.array([[[0.3, 0.3, 0.3], [0.0, 0.3, 1.0]]])

    limited = limit_width(
        values,
        quantile_levels=[0.1, 0.5, 0.9],
        min_width=np.array([0.02]),
        max_width=0.9,
    )

    assert limited.tolist() == [
        [pytest.approx([0.29, 0.3, 0.31]), pytest.approx([0.0, 0.3, 0.9])]
    ]


@pytest.mark.parametrize(
    ("median", "expected"),
    [(0.0, [0, 0, 0.02]), (0.004, [0, 0.004, 0.02]), (1.0, [0.98, 1, 1])],
)
def test_width_without_room_goes_to_the_other_side(
    median: float, expected: list[float]
) -> None:
    limited = limit_width(
        np.full((1, 1, 3), median),
        quantile_levels=[0.1, 0.5, 0.9],
        min_width=np.array([0.02]),
        max_width=0.9,
    )

    assert limited[0, 0] == pytest.approx(expected)


def test_inner_levels_get_their_share_of_the_least_width() -> None:
    limited = finished(np.full((1, 1, 5), 0.5))

    share = normal_scores([0.75])[0] / normal_scores([0.95])[0]
    assert limited[0, 0] == pytest.approx(
        [0.49, 0.5 - 0.01 * share, 0.5, 0.5 + 0.01 * share, 0.51]
    )


@given(values=raw_bands)
def test_finished_bands_are_ordered_probabilities_of_sane_width(
    values: np.ndarray,
) -> None:
    bands = finished(values)

    assert bands.min() >= 0
    assert bands.max() <= 1
    assert (np.diff(bands, axis=-1) >= 0).all()
    widths = bands[..., -1] - bands[..., 0]
    assert (widths >= 0.02 - 1e-9).all()
    assert (widths <= 0.9 + 1e-9).all()


@given(
    growth=arrays(float, (3, 4, 2), elements=st.floats(0, 0.5)),
    median=st.floats(0, 1),
)
def test_a_band_that_widens_with_the_step_still_does(
    growth: np.ndarray, median: float
) -> None:
    below, above = (np.cumsum(growth[..., side], axis=1) for side in (0, 1))
    offsets = np.stack([-below, -below / 3, 0 * below, above / 3, above], axis=-1)

    bands = finished(median + offsets)

    widths = bands[..., ::-1] - bands
    assert (np.diff(widths[..., :2], axis=1) >= -1e-12).all()


@given(values=raw_bands)
def test_finishing_twice_changes_nothing_more(values: np.ndarray) -> None:
    once = finished(values)

    assert finished(once) == pytest.approx(once, abs=5e-12)  # prices end at 1e-12


@given(values=raw_bands)
def test_a_mirrored_band_is_finished_alike(values: np.ndarray) -> None:
    mirrored = finished(1 - values[..., ::-1])

    assert mirrored == pytest.approx(1 - finished(values)[..., ::-1], abs=1e-9)


def test_what_was_done_is_told_by_market() -> None:
    values = np.array(
        [
            [[0.3, 0.4, 0.5, 0.6, 0.7]],
            [[0.5, 0.5, 0.5, 0.5, 0.5]],
            [[0.0, 0.4, 0.5, 0.6, 1.0]],
            [[0.7, 0.6, 0.5, 0.4, 0.3]],
        ]
    )

    bands = finish_bands(
        values, quantile_levels=LEVELS, min_width=np.full(4, 0.02), max_width=0.9
    )

    assert bands.is_widened.tolist() == [False, True, False, False]
    assert bands.is_clamped.tolist() == [False, False, True, False]
    assert bands.n_crossings.tolist() == [0, 0, 0, 1]


def test_a_side_without_levels_has_no_limit() -> None:
    limited = limit_width(
        np.array([[[0.5, 0.5]]]),
        quantile_levels=[0.5, 0.9],
        min_width=np.array([0.1]),
        max_width=0.9,
    )

    assert limited[0, 0] == pytest.approx([0.5, 0.55])


def test_a_market_is_jumpy_when_enough_steps_are_far() -> None:
    context = np.array(
        [
            [0.5, 0.52, 0.52, 0.52, 0.52],
            [np.nan, np.nan, np.nan, 0.5, 0.6],
            [0.5, 0.51, 0.52, 0.53, 0.54],
            [np.nan, np.nan, np.nan, np.nan, 0.5],
        ]
    )

    jumpy = is_jumpy(context, move=0.02, share=0.25)

    assert jumpy.tolist() == [True, True, False, False]
