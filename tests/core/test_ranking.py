"""The order of amounts counts, not their size; claims weigh what they are given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.core.ranking import priority, rank_share

amounts = st.lists(
    st.one_of(st.just(np.nan), st.integers(0, 9).map(float)), min_size=1, max_size=30
).map(np.array)


def points(
    claims: list[list[bool]], values: list[list[float]], weights: tuple[float, float]
) -> list[float]:
    worth: list[float] = priority(
        np.array(claims),
        np.array(values),
        claim_weights=np.array(weights[:1]),
        amount_weights=np.array(weights[1:]),
    ).tolist()
    return worth


def test_shares_are_as_worked_by_hand() -> None:
    shares = rank_share(np.array([5.0, np.nan, 0.0, 5.0, 70.0]))

    # Of four known values: 0 ties with itself, the fives with each other.
    assert shares.tolist() == [(1 + 3) / 8, 0, (0 + 1) / 8, (1 + 3) / 8, (3 + 4) / 8]


@given(values=amounts)
def test_shares_know_only_the_order(values: np.ndarray) -> None:
    stretched = rank_share(np.exp(values) * 1_000)

    assert stretched == pytest.approx(rank_share(values))


@given(values=amounts)
def test_shares_move_with_their_values(values: np.ndarray) -> None:
    turned = rank_share(values[::-1])

    assert turned == pytest.approx(rank_share(values)[::-1])


@given(values=amounts)
def test_a_larger_value_never_has_a_smaller_share(values: np.ndarray) -> None:
    shares = rank_share(values)

    is_known = ~np.isnan(values)
    order = np.argsort(values[is_known], kind="stable")
    assert (np.diff(shares[is_known][order]) >= 0).all()
    assert (shares[is_known] > 0).all()
    assert (shares[~is_known] == 0).all()


def test_shares_are_those_of_an_independent_count() -> None:
    values = np.random.default_rng(20260220).integers(0, 40, size=300).astype(float)

    shares = rank_share(values)

    counted = [(np.sum(values < v) + np.sum(values <= v)) / 600 for v in values]
    assert shares == pytest.approx(counted)


def test_points_are_as_worked_by_hand() -> None:
    worth = points([[True], [False], [True]], [[1.0], [3.0], [np.nan]], (2.0, 0.4))

    assert worth == pytest.approx([2 + 0.4 * 0.25, 0.4 * 0.75, 2.0])


def test_a_weight_of_zero_takes_no_part() -> None:
    worth = points([[True], [False]], [[1.0], [3.0]], (0.0, 0.0))

    assert worth == [0.0, 0.0]


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_weight_that_cannot_be_one_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weights must be finite"):
        points([[True]], [[1.0]], (1.0, weight))
