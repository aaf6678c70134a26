"""Margins are computed once for each segment, until something is learned."""

import numpy as np

from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.calibration.margins import KeptMargins

TAILS = (0.1, 0.2, 0.5)
HORIZON = 4


class Computing:
    """Gives each segment margins that tell its place, and notes who was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, places: IntArray) -> np.ndarray:
        self.asked.append(places.tolist())
        shape = (places.size, HORIZON, 2, len(TAILS))
        return np.broadcast_to(places[:, None, None, None], shape)


def test_each_segment_is_computed_once() -> None:
    kept, computing = KeptMargins(), Computing()

    first = kept.of([3, 1, 3], HORIZON, TAILS, computing)
    second = kept.of([1, 2], HORIZON, TAILS, computing)

    assert first[:, 0, 0, 0].tolist() == [3, 1, 3]
    assert second.shape == (2, HORIZON, 2, len(TAILS))
    assert computing.asked == [[3, 1], [2]]


def test_other_tails_and_horizons_have_margins_of_their_own() -> None:
    kept, computing = KeptMargins(), Computing()

    for horizon, tails in ((4, TAILS), (5, TAILS), (4, TAILS[:2]), (4, TAILS)):
        kept.of([1], horizon, tails, computing)

    assert computing.asked == [[1]] * 3


def test_what_was_computed_before_something_was_learned_is_forgotten() -> None:
    kept, computing = KeptMargins(), Computing()

    kept.of([1], HORIZON, TAILS, computing)
    kept.clear()
    kept.of([1], HORIZON, TAILS, computing)

    assert computing.asked == [[1], [1]]
