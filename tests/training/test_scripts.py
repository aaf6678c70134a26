"""The commands that read recorded markets, on a few that look recorded."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from dev_panel import require_data
from tsfm_runner.testing.markets import simulate_markets, to_frames

TRAINING = Path(__file__).parents[2] / "training"
STEP_S = 300


def run(shared: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a script of this repository
        [sys.executable, TRAINING / script, *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"TSFM_SHARED": str(shared), "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of simulated markets with the columns of recorded ones."""
    markets = simulate_markets(
        24, n_steps=330, step_s=STEP_S, seed=5, end=datetime(2026, 1, 1, tzinfo=UTC)
    )
    listing, prices = to_frames(markets)
    known = listing.with_columns(
        pl.lit("simulated").alias("source"),
        pl.lit(float(STEP_S)).alias("native_cadence_s"),
        pl.lit(value=True).alias("core_intraday"),
        pl.lit(value=False).alias("selected_on_outcome"),
    )
    folder = tmp_path_factory.mktemp("shared")
    (folder / "data").mkdir()
    known.write_parquet(folder / "data" / "markets.parquet")
    prices.write_parquet(folder / "data" / "prices.parquet")
    return folder


def test_without_recorded_markets_nothing_is_scored_and_it_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TSFM_SHARED", str(tmp_path))

    with pytest.raises(SystemExit) as left:
        require_data()

    assert left.value.code == 0
    assert "no recorded markets" in capsys.readouterr().out


def test_the_shipped_model_is_scored_beside_baselines(shared: Path) -> None:
    told = run(shared, "score_windows.py", "--cadence", "5m", "--json")

    assert told.returncode == 0, told.stderr
    document = json.loads(told.stdout)
    assert document["model"] == "tsfm-mini@1"
    [(cadence, found)] = document["cadences"].items()
    assert cadence == "5m"
    assert found["by_source"].keys() == {"simulated"}
    assert found["by_source"]["simulated"] == found["all"]
    for one in found["all"]["ratios"].values():
        assert 0.3 < one["low"] <= one["value"] <= one["high"] < 3
    for scores in found["all"]["scores"].values():
        assert scores["open"]["value"] <= scores["closed"]["value"] + 1e-9
