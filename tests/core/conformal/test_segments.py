import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.contexts import contexts, known

from tsfm_runner.core.conformal.segments import (
    EDGE_CUTS,
    EXPIRY_CUTS,
    MOVING_CUTS,
    SegmentCodes,
    moving_share,
    segment_codes,
)


def codes(
    *, moving: float = 0.2, n: float = 100, price: float = 0.4, expiry: float = np.nan
) -> list[int]:
    found = segment_codes(
        moving=np.array([moving]),
        n_changes=np.array([n]),
        price=np.array([price]),
        steps_to_expiry=np.array([expiry]),
    )
    return [code.item() for code in found]


@pytest.mark.parametrize(
    ("moving", "code"),
    [(0, 0), (0.029, 0), (0.03, 1), (0.12, 2), (0.29, 2), (0.3, 3), (0.6, 4), (1, 4)],
)
def test_markets_are_told_apart_by_how_often_they_move(
    moving: float, code: int
) -> None:
    assert codes(moving=moving) == [code, 0, 2, 0]


@pytest.mark.parametrize(
    ("expiry", "code"),
    [
        (np.nan, 0),
        (-5, 1),
        (0, 1),
        (11.9, 1),
        (12, 2),
        (18, 3),
        (24, 4),
        (36, 5),
        (72, 6),
        (215, 6),
        (216, 7),
        (1e6, 7),
    ],
)
def test_markets_are_told_apart_by_when_they_close(expiry: float, code: int) -> None:
    assert codes(expiry=expiry) == [2, code, 2, 0]


@pytest.mark.parametrize(
    ("price", "code"), [(0, 0), (0.029, 0), (0.03, 1), (0.119, 1), (0.12, 2), (0.5, 2)]
)
def test_markets_are_told_apart_by_how_near_they_are_to_an_end(
    price: float, code: int
) -> None:
    assert codes(price=price) == [2, 0, code, 0]


@pytest.mark.parametrize(("n", "code"), [(0, 1), (35, 1), (36, 0)])
def test_young_markets_are_told_apart(n: float, code: int) -> None:
    assert codes(n=n) == [2, 0, 2, code]


@given(price=st.floats(0, 1))
def test_a_market_and_its_complement_are_of_one_kind(price: float) -> None:
    other = 1 - price

    assert codes(price=other) == codes(price=1 - other)


def test_many_markets_are_told_apart_at_once() -> None:
    found = segment_codes(
        moving=np.array([0.0, 0.9]),
        n_changes=np.array([3.0, 300.0]),
        price=np.array([0.01, 0.5]),
        steps_to_expiry=np.array([20.0, np.nan]),
    )

    assert isinstance(found, SegmentCodes)
    assert np.array(found).T.tolist() == [[0, 3, 0, 1], [4, 0, 2, 0]]


def test_the_number_of_kinds_is_known() -> None:
    n_kinds = (len(MOVING_CUTS) + 1) * (len(EXPIRY_CUTS) + 2) * (len(EDGE_CUTS) + 1) * 2

    assert n_kinds == 240


def test_a_share_of_moves_can_be_worked_out_by_hand() -> None:
    # 30 steps of which the first six move: 6 of 30 in all, none of the last 24.
    row = np.r_[np.arange(7) / 100, np.full(24, 0.06)]

    share, n_known = moving_share(row[None])

    assert share == pytest.approx([0.1])
    assert n_known == pytest.approx([30])


def test_a_lone_price_has_no_moves() -> None:
    share, n_known = moving_share(np.array([[np.nan, np.nan, 0.5]]))

    assert share.tolist() == [0]
    assert n_known.tolist() == [0]


@given(context=contexts())
def test_a_share_of_moves_is_that_of_each_market_alone(context: np.ndarray) -> None:
    share, n_known = moving_share(context)

    for place, row in enumerate(context):
        moves = [
            abs(new - old) > 1e-9
            for old, new in zip(known(row)[:-1], known(row)[1:], strict=True)
        ]
        recent = moves[-24:]
        expected = 0.0
        if moves:
            expected = (sum(moves) / len(moves) + sum(recent) / len(recent)) / 2
        assert share[place] == pytest.approx(expected)
        assert n_known[place] == len(moves)
