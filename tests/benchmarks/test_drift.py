"""The study of drift: what it simulates, how it counts, and a short run of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.drift_study import (
    HORIZON,
    WINDOW,
    Change,
    Length,
    Replayed,
    Window,
    steps_until_near,
    walk,
    windows,
)

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

LENGTH = Length(n_markets=40, n_before=200, n_after=400)


def moves(change: Change) -> np.ndarray:
    return np.diff(walk(change, LENGTH, seed=1), axis=1)


def test_volatility_changes_at_the_change_and_for_its_time() -> None:
    found = moves(Change("x", volatility=2.0, n_steps=100))

    before, within, after = np.split(found, [199, 299], axis=1)
    assert within.std() / before.std() == pytest.approx(2.0, rel=0.1)
    assert after.std() / before.std() == pytest.approx(1.0, rel=0.1)


def test_memory_ties_moves_together_and_leaves_their_size() -> None:
    found = moves(Change("x", memory=0.4))

    before, after = found[:, :199], found[:, 200:]
    assert after.std() / before.std() == pytest.approx(1.0, rel=0.1)
    assert np.corrcoef(after[:, :-1].ravel(), after[:, 1:].ravel())[0, 1] == (
        pytest.approx(0.4, abs=0.05)
    )


def test_markets_stay_in_one_segment() -> None:
    prices = walk(Change("x", volatility=4.0), LENGTH, seed=1)

    assert prices.shape == (40, 600)
    assert 0.15 <= prices.min() < prices.max() <= 0.85


def test_a_window_holds_the_outcomes_that_fall_into_it() -> None:
    length = Length(n_markets=1, n_before=WINDOW, n_after=WINDOW)
    prices = np.full((1, 2 * WINDOW), 0.5)
    prices[0, WINDOW:] = 0.7  # outside, and by 0.1
    edges = np.full((2 * WINDOW, 1, HORIZON, 4), 0.6, dtype=np.float32)
    edges[..., [0, 2]] = 0.4
    edges[0, ..., 0] = 0.5  # the outcome stands on this edge

    told = windows(Replayed(prices, edges, ()), length, coverage=0.8, ahead=1)

    assert told[-1].closed == 1
    assert told[-1].inside == pytest.approx(1 - 1 / (WINDOW - 1))
    assert told[-1].error == pytest.approx(told[-1].inside - 0.8)
    assert (told[0].closed, told[0].error) == (0, 0.8)
    assert told[0].winkler == pytest.approx(0.2 + 2 / 0.2 * 0.1, rel=1e-6)


def test_right_again_means_for_two_windows() -> None:
    def told(*errors: float) -> dict[int, Window]:
        return {
            number: Window(0, 0, error, 0, 0) for number, error in enumerate(errors, -1)
        }

    assert steps_until_near(told(0.0, 0.0, 0.03)) == 0
    assert steps_until_near(told(0.0, 0.1, 0.0, 0.1, 0.01, 0.02)) == 3 * WINDOW
    assert steps_until_near(told(0.0, 0.1, 0.0, 0.1, 0.01, 0.02), first=2) == WINDOW
    assert steps_until_near(told(0.0, 0.1, 0.0)) is None


def test_a_short_run_tells_everything(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    numbers, picture = tmp_path / "drift.json", tmp_path / "drift.png"
    result = subprocess.run(  # noqa: S603 - a script of this repository
        [
            *(sys.executable, BENCHMARKS / "drift.py", "--markets", "3"),
            *("--before", "36", "--after", "72", "--change", "doubles"),
            *("--also", "excess=0.2,cooldown_steps=10"),
            *("--json", numbers, "--picture", picture),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

    assert result.returncode == 0, result.stderr
    words = ("doubles", "80 % interval", "90 % interval", "Drifts that were found")
    assert [word for word in words if word not in result.stdout] == []
    written = json.loads(numbers.read_text())
    runs = written["runs"]
    assert [run["watch"] for run in runs] == ["off", "on", "also 1"]
    assert written["watches"]["also 1"]["cooldown_steps"] == 10
    assert len(runs[0]["intervals"]) == 2 * 3
    assert picture.stat().st_size > 0
