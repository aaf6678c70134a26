import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tsfm_runner.core.levels import normal_scores, values_at_levels

DECILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_normal_scores_agree_with_scipy() -> None:
    levels = [0.001, 0.1, 0.5, 0.9, 0.999]

    assert normal_scores(levels) == pytest.approx(stats.norm.ppf(levels), abs=1e-9)


def test_the_median_has_score_zero_exactly() -> None:
    assert normal_scores([0.5]).item() == 0.0


def test_halfway_in_score_is_halfway_in_value() -> None:
    values = values_at_levels(np.array([0.0, 4.0]), known=[0.1, 0.9], wanted=[0.5])

    assert values.tolist() == [2.0]


@given(
    centre=st.floats(-5, 5),
    scale=st.floats(0.01, 5),
    wanted=st.lists(st.floats(0.001, 0.999), min_size=1, max_size=9),
)
def test_a_normal_distribution_comes_back_at_every_level(
    centre: float, scale: float, wanted: list[float]
) -> None:
    known = centre + scale * normal_scores(DECILES)

    values = values_at_levels(known, known=DECILES, wanted=wanted)

    assert values == pytest.approx(stats.norm.ppf(wanted, centre, scale), abs=1e-8)


def test_known_levels_come_back_untouched() -> None:
    values = np.random.default_rng(1).normal(size=(3, 4, 9))

    same = values_at_levels(values, known=DECILES, wanted=DECILES)

    assert (same == values).all()


@given(wanted=st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9, unique=True))
def test_values_rise_with_the_level_when_known_ones_do(wanted: list[float]) -> None:
    values = np.sort(np.random.default_rng(2).normal(size=9))

    found = values_at_levels(values, known=DECILES, wanted=sorted(wanted))

    assert (np.diff(found) >= -1e-12).all()


def test_a_single_known_level_answers_for_itself() -> None:
    values = values_at_levels(np.array([[0.3]]), known=[0.5], wanted=[0.5])

    assert values.tolist() == [[0.3]]


def test_a_single_known_level_says_nothing_of_others() -> None:
    with pytest.raises(ValueError, match="says nothing about another"):
        values_at_levels(np.array([0.3]), known=[0.5], wanted=[0.5, 0.9])
