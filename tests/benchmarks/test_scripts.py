import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

SHORT = {
    "load.py": (
        *("--paths", "hit", "--rounds", "1", "--seconds", "0.3"),
        *("--connections", "2", "--client", "python"),
    ),
    "batch.py": ("--rounds", "1", "--markets", "3"),
    "backtest_speed.py": (
        *("--rounds", "1", "--series", "2"),
        *("--steps", "90", "--origins", "30"),
    ),
    "bootstrap_intervals.py": ("--studies", "100"),
    "embedded.py": ("--rounds", "1", "--sizes", "1", "--requests", "0"),
    "gate_chance.py": ("--stage", "canary_5", "--rate", "2", "--stages", "2"),
}
PRINTED = {
    "load.py": ("2 connections", "hit", "echo", "ours", "CPU / echo"),
    "backtest_speed.py": ("2 series of 90", "ewma", "polars", "CPU / ours"),
    "batch.py": ("3 markets", "service", "application", "HTTP"),
    "embedded.py": ("us a series", "goal us", "2000"),
    "gate_chance.py": ("canary_5", "rolled back", "median minutes"),
    "bootstrap_intervals.py": ("200 groups", "coverage", "mean score", "ratio"),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_prints_its_table(name: str) -> None:
    result = subprocess.run(  # noqa: S603 - a script of this repository
        [sys.executable, BENCHMARKS / name, *SHORT[name]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert [word for word in PRINTED[name] if word not in result.stdout] == []
