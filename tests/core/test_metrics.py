import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.metrics import interval_index, metric_columns, metrics

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
THREE = (0.1, 0.5, 0.9)
NOTHING = np.zeros((1, 1))


def one(
    band: tuple[float, ...],
    outcome: float,
    *,
    rise: float = 0.0,
    fall: float = 0.0,
    follow_move: float = 0.03,
) -> dict[str, list[float] | float]:
    """Return the columns of a single outcome over a band, by name."""
    levels = THREE if len(band) == len(THREE) else LEVELS
    found = metrics(
        np.array([[band]]),
        np.array([[outcome]]),
        quantile_levels=levels,
        rise=np.array([[rise]]),
        fall=np.array([[fall]]),
        follow_move=follow_move,
    )
    columns = metric_columns(len(levels))._asdict()
    del columns["n_columns"]
    return {
        name: np.round(found[0, 0, place], 9).tolist()
        for name, place in columns.items()
    }


def drawn(
    seed: int, n: int = 30, horizon: int = 4
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    values = np.sort(rng.integers(0, 30, (n, horizon, len(LEVELS))), axis=-1) / 100
    outcomes = rng.integers(0, 30, (n, horizon)) / 100
    rise, fall = rng.random((2, n, horizon)) / 10
    return values, outcomes, rise, fall


def scored(
    values: FloatArray,
    outcomes: FloatArray,
    rise: FloatArray,
    fall: FloatArray,
) -> FloatArray:
    return metrics(values, outcomes, quantile_levels=LEVELS, rise=rise, fall=fall)


def test_every_column_of_an_outcome_above_its_band_by_hand() -> None:
    assert one((0.4, 0.5, 0.6), 0.7, rise=0.05) == {
        "n": 1,
        "squared_error": 0.04,
        "breach_known": 1,
        "followed": 1,
        "below": [0, 0, 0],
        "at_or_below": [0, 0, 0],
        "pinball": [0.03, 0.1, 0.09],
        "value": [0.4, 0.5, 0.6],
        "inside": [0],
    }


def test_every_column_of_an_outcome_on_the_lower_edge_by_hand() -> None:
    assert one((0.4, 0.5, 0.6), 0.4, fall=0.05) == {
        "n": 1,
        "squared_error": 0.01,
        "breach_known": 0,
        "followed": 0,
        "below": [0, 1, 1],
        "at_or_below": [1, 1, 1],
        "pinball": [0, 0.05, 0.02],
        "value": [0.4, 0.5, 0.6],
        "inside": [0],
    }


def test_an_outcome_on_both_edges_of_a_band_without_width_is_not_inside() -> None:
    found = one((0.4, 0.4, 0.4), 0.4)

    assert found["inside"] == [0]
    assert found["below"] == [0, 0, 0]
    assert found["at_or_below"] == [1, 1, 1]


def test_each_interval_has_its_own_column_the_widest_first() -> None:
    found = one((0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9), 0.2)

    assert found["inside"] == [1, 0, 0]


@pytest.mark.parametrize(
    ("outcome", "rise", "fall", "known", "followed"),
    [
        (0.7, 0.03, 0.5, 1, 1),
        (0.7, 0.029, 0.5, 1, 0),
        (0.3, 0.5, 0.03, 1, 1),
        (0.3, 0.5, 0.029, 1, 0),
        (0.7, math.nan, 0.5, 0, 0),
        (0.3, 0.5, math.nan, 0, 0),
        (0.5, 0.5, 0.5, 0, 0),
    ],
)
def test_a_breach_is_followed_by_a_move_in_its_own_direction(
    outcome: float, rise: float, fall: float, known: int, followed: int
) -> None:
    found = one((0.4, 0.5, 0.6), outcome, rise=rise, fall=fall)

    assert (found["breach_known"], found["followed"]) == (known, followed)


def test_a_move_as_far_as_asked_follows_in_spite_of_its_rounding() -> None:
    found = one((0.1, 0.2, 0.3), 0.32, rise=0.35 - 0.32)

    assert 0.35 - 0.32 < 0.03
    assert found["followed"] == 1


def test_how_far_a_price_must_go_on_can_be_chosen() -> None:
    found = one((0.4, 0.5, 0.6), 0.7, rise=0.03, follow_move=0.04)

    assert found["followed"] == 0


def test_a_breach_is_one_of_the_interval_that_was_chosen() -> None:
    values = np.array([[[0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9]]])

    known = [
        metrics(
            values,
            np.array([[0.75]]),
            quantile_levels=LEVELS,
            rise=NOTHING,
            fall=NOTHING,
            breach_coverage=coverage,
        )[0, 0, metric_columns(7).breach_known]
        for coverage in (0.5, 0.8)
    ]

    assert known == [1, 0]


def test_where_the_outcome_is_unknown_every_column_is_zero() -> None:
    values, outcomes, rise, fall = drawn(1)
    outcomes[3:, 2] = np.nan
    values[5, 2] = np.nan

    found = scored(values, outcomes, rise, fall)

    assert not found[3:, 2].any()
    assert found[:3, 2, 0].tolist() == [1, 1, 1]
    assert np.isfinite(found).all()


def test_it_makes_no_difference_where_the_columns_are_written() -> None:
    values, outcomes, rise, fall = drawn(2)
    outcomes[-1] = np.nan
    expected = scored(values, outcomes, rise, fall)
    out = np.full((30, 4, metric_columns(7).n_columns), 7.0)

    found = metrics(
        values, outcomes, quantile_levels=LEVELS, rise=rise, fall=fall, out=out
    )

    assert found is out
    assert np.array_equal(found, expected)


def test_single_precision_is_read_as_it_is_and_added_up_in_double() -> None:
    values, outcomes, rise, fall = drawn(3)
    narrow = values.astype(np.float32)

    found = metrics(narrow, outcomes, quantile_levels=LEVELS, rise=rise, fall=fall)

    wide = scored(narrow.astype(np.float64), outcomes, rise, fall)
    assert found.dtype == np.float64
    assert np.array_equal(found, wide)


@given(seed=st.integers(0, 2**32), shift=st.integers(-50, 50))
def test_a_shift_of_all_prices_changes_the_quantiles_alone(
    seed: int, shift: int
) -> None:
    values, outcomes, rise, fall = drawn(seed)

    shifted = scored(values + shift / 100, outcomes + shift / 100, rise, fall)

    expected = scored(values, outcomes, rise, fall)
    expected[..., metric_columns(7).value] += shift / 100
    np.testing.assert_allclose(shifted, expected, rtol=0, atol=1e-12)


@given(seed=st.integers(0, 2**32), scale=st.integers(2, 9))
def test_a_scale_of_all_prices_scales_losses_and_no_count(
    seed: int, scale: int
) -> None:
    values, outcomes, rise, fall = drawn(seed)
    columns = metric_columns(7)

    scaled = scored(scale * values, scale * outcomes, rise, fall)

    expected = scored(values, outcomes, rise, fall)
    expected[..., columns.squared_error] *= scale**2
    expected[..., columns.pinball] *= scale
    expected[..., columns.value] *= scale
    np.testing.assert_allclose(scaled, expected, rtol=0, atol=1e-12)


@given(seed=st.integers(0, 2**32))
def test_the_other_side_of_the_market_has_the_mirrored_columns(seed: int) -> None:
    values, outcomes, rise, fall = drawn(seed)
    columns = metric_columns(7)

    mirrored = scored(1 - values[..., ::-1], 1 - outcomes, fall, rise)

    expected = scored(values, outcomes, rise, fall)
    below = expected[..., columns.below].copy()
    expected[..., columns.below] = 1 - expected[..., columns.at_or_below][..., ::-1]
    expected[..., columns.at_or_below] = 1 - below[..., ::-1]
    expected[..., columns.pinball] = expected[..., columns.pinball][..., ::-1]
    expected[..., columns.value] = 1 - expected[..., columns.value][..., ::-1]
    np.testing.assert_allclose(mirrored, expected, rtol=0, atol=1e-12)


def test_the_order_of_forecasts_makes_no_difference() -> None:
    values, outcomes, rise, fall = drawn(4)
    order = np.random.default_rng(5).permutation(len(values))

    found = scored(values[order], outcomes[order], rise[order], fall[order])

    assert np.array_equal(found, scored(values, outcomes, rise, fall)[order])


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.8), (0.1, 0.9), (0.1, 0.2, 0.5, 0.9)])
def test_levels_that_are_not_symmetric_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"not symmetric around 0\.5"):
        metrics(
            np.zeros((1, 1, len(levels))),
            NOTHING,
            quantile_levels=levels,
            rise=NOTHING,
            fall=NOTHING,
        )


def test_an_interval_without_levels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"have no interval of 0\.7"):
        interval_index(LEVELS, 0.7)


def test_a_level_is_found_in_spite_of_the_rounding_of_its_coverage() -> None:
    assert [interval_index(LEVELS, coverage) for coverage in (0.9, 0.8, 0.5)] == [
        0,
        1,
        2,
    ]
