import numpy as np
import pytest
from tests.service.builders import CUTOFF, task

from tsfm_runner.service.calibration.points import points_of

NOW_S = CUTOFF.timestamp()
FIVE = [0.1, 0.2, np.nan, 0.4, 0.5]


@pytest.mark.parametrize(
    ("since_s", "prices"),
    [
        (NOW_S, [0.5]),
        (NOW_S - 1, [0.5]),
        (NOW_S - 300, [0.4, 0.5]),
        (NOW_S - 600, [0.4, 0.5]),  # nothing is known of the step between
        (NOW_S - 900, [0.2, 0.4, 0.5]),
        (NOW_S - 9_000, [0.1, 0.2, 0.4, 0.5]),
        (NOW_S + 600, [0.5]),
    ],
)
def test_a_regular_series_tells_its_prices_from_a_moment_on(
    since_s: float, prices: list[float]
) -> None:
    told = points_of(task(FIVE), since_s=since_s)

    assert told.market_id == "m"
    assert told.prices.tolist() == prices
    assert told.times_s[-1] == NOW_S
    ages = {0.1: 4, 0.2: 3, 0.4: 1, 0.5: 0}
    assert told.times_s.tolist() == [NOW_S - 300 * ages[price] for price in prices]


def test_a_series_with_times_of_its_own_tells_them() -> None:
    times_s = NOW_S + np.array([-900.0, -610, -290, -5, 0])

    told = points_of(task(FIVE, times_s=times_s), since_s=NOW_S - 610)

    assert told.prices.tolist() == [0.2, 0.4, 0.5]
    assert told.times_s.tolist() == [NOW_S - 610, NOW_S - 5, NOW_S]


def test_a_series_that_ends_before_the_moment_tells_nothing() -> None:
    times_s = NOW_S + np.array([-900.0, -610, -290, -5, 0])

    told = points_of(task(FIVE, times_s=times_s), since_s=NOW_S + 1)

    assert told.times_s.size == 0
    assert told.prices.size == 0
