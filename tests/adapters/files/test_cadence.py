"""One cadence or several: holes and irregular trades are neither."""

import numpy as np
import pytest

from tsfm_runner.adapters.files.cadence import is_coarse, mixed_cadences, native_step


def times_of(*stretches: tuple[int, float]) -> np.ndarray:
    """Return times with so many gaps of so many seconds, one stretch after another."""
    gaps = [np.full(count, gap_s) for count, gap_s in stretches]
    return 1.7e9 + np.concatenate(([0.0], np.cumsum(np.concatenate(gaps))))


def irregular(seed: int, *, n_points: int, mean_s: float) -> np.ndarray:
    gaps = np.random.default_rng(seed).exponential(mean_s, size=n_points)
    return 1.7e9 + np.cumsum(gaps)


@pytest.mark.parametrize(
    ("stretches", "cadences"),
    [
        (((60, 60), (40, 3_600)), (60, 3_600)),
        (((40, 3_600), (60, 60)), (60, 3_600)),
        (((300, 60), (24, 3_600), (300, 60)), (60, 3_600)),
        (((40, 300), (40, 1_200)), (300, 1_200)),
        (((18, 60), (18, 300)), (60, 300)),
    ],
)
def test_two_cadences_are_seen(
    stretches: tuple[tuple[int, float], ...], cadences: tuple[float, float]
) -> None:
    assert mixed_cadences(times_of(*stretches)) == cadences


@pytest.mark.parametrize(
    "stretches",
    [
        ((300, 300),),
        ((200, 300), (40, 900)),
        ((200, 60), (1, 86_400), (200, 60)),
        ((50, 300), (1, 7_200), (50, 300), (1, 9_000), (50, 300)),
        ((200, 60), (11, 3_600)),
        ((9, 60), (9, 3_600)),
        ((100, 5), (100, 60)),
    ],
    ids=["one", "near", "a hole", "holes", "a night", "few", "below a minute"],
)
def test_one_cadence_with_holes_is_one(
    stretches: tuple[tuple[int, float], ...],
) -> None:
    assert mixed_cadences(times_of(*stretches)) is None


@pytest.mark.parametrize("seed", range(5))
def test_trades_that_come_when_they_come_have_one_cadence(seed: int) -> None:
    busy = irregular(seed, n_points=500, mean_s=90)
    slow = busy[-1] + irregular(seed, n_points=200, mean_s=2_000) - 1.7e9

    assert mixed_cadences(busy) is None
    assert mixed_cadences(np.concatenate((busy, slow))) is None


def test_a_grid_of_the_coarser_step_shows_one_cadence() -> None:
    times_s = times_of((60, 60), (40, 3_600))

    assert mixed_cadences(times_s, step_s=3_600) is None
    assert mixed_cadences(times_s, step_s=300) == (300, 3_600)


def test_jitter_makes_no_cadence() -> None:
    times_s = times_of((60, 60), (60, 3_600))
    jitter = np.random.default_rng(4).uniform(-3, 3, size=times_s.size)

    found = mixed_cadences(times_s + jitter)

    assert found is not None
    assert found == pytest.approx((60, 3_600), rel=0.05)


def test_points_lie_too_far_apart_when_usually_more_than_two_steps() -> None:
    assert not is_coarse(times_of((9, 600)), step_s=300)
    assert is_coarse(times_of((9, 601)), step_s=300)
    assert not is_coarse(times_of((5, 300), (4, 9_000)), step_s=300)
    assert not is_coarse(np.array([1.7e9]), step_s=300)


@pytest.mark.parametrize("cadence_s", [None, 0.0, -60.0, np.nan, np.inf])
def test_a_cadence_that_is_none_is_taken_from_the_times(
    cadence_s: float | None,
) -> None:
    assert native_step(times_of((9, 3_600)), cadence_s) == 3_600
    assert native_step(np.array([1.7e9]), cadence_s) == 60


def test_one_point_has_the_finest_step() -> None:
    assert native_step(np.array([1.7e9])) == 60
