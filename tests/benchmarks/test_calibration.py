import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "calibration.py"
RIVALS = (
    *("uncalibrated", "static CQR", "rolling CQR"),
    *("ACI", "conformal PID", "shift and scale"),
)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a script of this repository
        [sys.executable, SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_a_reader_without_the_data_can_run_the_study(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    short = ("--simulated", "--sample", "3", "--base", "ewma", "--save", tmp_path)

    result = run(*short)

    assert result.returncode == 0, result.stderr
    assert [name for name in RIVALS if name not in result.stdout] == []
    names = ["simulated-ewma-3.json", "simulated-ewma-3.npz", "simulated-ewma-3.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    written = json.loads((tmp_path / names[0]).read_text())
    assert set(written["intervals"]) == {"80 %", "90 %"}
    assert set(written["intervals"]["80 %"]["winkler_ratios"]) == set(RIVALS)
    again = run(*short, "--reuse", "--json", tmp_path / "again.json")
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "again.json").read_text()) == written
