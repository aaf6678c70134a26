"""Simulated windows are of every cadence and prior, and each seed has its own."""

import json

import numpy as np

from tsfm_runner.learning.simulated import (
    PRIOR_SHARES,
    STEP_SHARES,
    SimulatedWindows,
    made_of,
)
from tsfm_runner.learning.windows import Habits

MAKE = SimulatedWindows(habits=Habits(), windows_per_path=2)


def test_windows_are_drawn_at_every_cadence_in_its_share() -> None:
    windows = MAKE(50, np.random.default_rng(1))

    shares = {
        minutes: np.mean(windows.step_minutes == minutes) for minutes in STEP_SHARES
    }
    assert shares == STEP_SHARES
    assert len(windows) == 50


def test_the_same_seed_gives_the_same_markets() -> None:
    first, again, other = (
        MAKE(4, np.random.default_rng(seed)).prices for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


def test_windows_say_which_markets_they_are_of() -> None:
    told = made_of()

    assert told["priors"] == PRIOR_SHARES
    assert told["minutes"].keys() == {str(minutes) for minutes in STEP_SHARES}
    assert told == made_of()
    assert json.loads(json.dumps(told)) == told
