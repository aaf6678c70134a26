import numpy as np
import pytest

from tsfm_runner.service.calibration.markets import MarketScales

RULE = {"tail": 0.1, "leak": 0.0, "rate": 0.1}


def follow(scales: MarketScales, *names: str, cell: int = 0, miss: float = 0.5) -> None:
    cells = np.full(len(names), cell)
    scales.follow(list(names), cells, np.full(len(names), miss), **RULE)


def test_a_market_that_was_never_seen_is_like_its_segment() -> None:
    assert MarketScales(5).of(["a", "b"], 3).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_each_market_and_cell_follows_its_own_misses() -> None:
    scales = MarketScales(5)

    follow(scales, "a", cell=0)
    follow(scales, "b", cell=2, miss=0)

    assert scales.of(["a", "b", "c"], 4) == pytest.approx(
        np.array([[0.04, 0, 0, 0], [0, 0, -0.01, 0], [0, 0, 0, 0]])
    )


def test_there_is_room_for_many() -> None:
    scales = MarketScales(1_000)
    names = [f"m{place}" for place in range(300)]

    for start in range(0, 300, 7):
        follow(scales, *names[start : start + 7])
    follow(scales, "m0", cell=20)

    assert scales.of(names, 1) == pytest.approx(np.full((300, 1), 0.04))
    assert scales.of(["m0"], 21)[0, 20] == pytest.approx(0.04)


def test_the_one_unseen_for_longest_leaves_first_and_leaves_nothing_behind() -> None:
    scales = MarketScales(2)
    follow(scales, "a")
    follow(scales, "b")

    follow(scales, "a", miss=0)
    follow(scales, "c", cell=1)

    assert list(scales.rows) == ["a", "c"]
    assert scales.of(["a", "b", "c"], 2) == pytest.approx(
        np.array([[0.03, 0], [0, 0], [0, 0.04]])
    )
