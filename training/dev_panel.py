"""Reads the recorded dev markets as panels on a regular grid."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

MINUTE_S = 60
FIVE_MINUTES_S = 300
QUARTER_S = 900
HOUR_S = 3_600
CADENCES_BY_STEP = {
    MINUTE_S: ("<=30s", "1m"),
    FIVE_MINUTES_S: ("<=30s", "1m", "5m"),
    QUARTER_S: ("<=30s", "1m", "5m", "10-15m"),
    HOUR_S: ("10-15m", "30m", "1h"),
}
MAX_GAP_S = 3_600
MIN_POINTS = 24
MAX_STEPS = 4_032

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Prices of many markets, one row each, left-aligned and NaN-padded.

    ``prices`` has shape ``(n_markets, n_steps)``; ``events`` and ``sources`` name
    the unit of independence and the origin of each row.
    """

    prices: FloatArray
    events: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]


def data_folder() -> Path:
    """Return the folder of recorded markets, named by ``TSFM_SHARED``."""
    root = Path(__file__).resolve().parents[1]
    return Path(os.environ.get("TSFM_SHARED", root.parent / "shared")) / "data"


def require_data() -> None:
    """Leave, without an error, where no recorded market is at hand."""
    folder = data_folder()
    if not all((folder / f"{name}.parquet").exists() for name in ("markets", "prices")):
        print(f"no recorded markets in {folder} (TSFM_SHARED): nothing is compared")
        raise SystemExit(0)


def read_core_series() -> Iterator[
    tuple[dict[str, Any], npt.NDArray[np.int64], FloatArray]
]:
    """Yield the facts, times in seconds and prices of each core market, by name."""
    folder = data_folder()
    markets = pl.read_parquet(folder / "markets.parquet").filter(
        pl.col("core_intraday") & ~pl.col("selected_on_outcome")
    )
    facts = {row["market_id"]: row for row in markets.iter_rows(named=True)}
    series = _series(folder / "prices.parquet", list(facts))
    for name, (times_s, prices) in series.items():
        yield facts[name], times_s, prices


def read_panel(step_s: int) -> Panel:
    """Read the core intraday markets whose own cadence suits the step."""
    folder = data_folder()
    markets = pl.read_parquet(folder / "markets.parquet").filter(
        pl.col("core_intraday")
        & ~pl.col("selected_on_outcome")
        & pl.col("cadence").is_in(CADENCES_BY_STEP[step_s])
    )
    facts = {row["market_id"]: row for row in markets.iter_rows(named=True)}
    series = _series(folder / "prices.parquet", list(facts))
    rows = {name: _on_grid(*points, step_s=step_s) for name, points in series.items()}
    kept = {
        name: row for name, row in rows.items() if np.isfinite(row).sum() >= MIN_POINTS
    }
    return Panel(
        _padded(list(kept.values())),
        np.array([facts[name]["split_group"] for name in kept]),
        np.array([facts[name]["source"] for name in kept]),
    )


def _series(
    path: Path, market_ids: list[str]
) -> dict[str, tuple[npt.NDArray[np.int64], FloatArray]]:
    frame = (
        pl.read_parquet(path, columns=["market_id", "ts", "price"])
        .with_columns(
            pl.col("market_id").cast(pl.String), pl.col("ts").dt.epoch("s").alias("ts")
        )
        .filter(pl.col("market_id").is_in(market_ids) & pl.col("price").is_not_nan())
        .sort("market_id", "ts")
    )
    return {
        str(key[0]): (part["ts"].to_numpy(), part["price"].cast(pl.Float64).to_numpy())
        for key, part in frame.group_by("market_id", maintain_order=True)
    }


def _on_grid(
    times_s: npt.NDArray[np.int64], prices: FloatArray, *, step_s: int
) -> FloatArray:
    """Take the last value at or before each grid time, for at most an hour."""
    first, last = -(-times_s[0] // step_s), -(-times_s[-1] // step_s)
    grid = np.arange(first, min(last, first + MAX_STEPS) + 1) * step_s
    newest = np.searchsorted(times_s, grid, side="right") - 1
    is_fresh = grid - times_s[newest] <= max(MAX_GAP_S, step_s)
    return np.where(is_fresh, np.round(prices[newest], 6), np.nan)


def _padded(rows: list[FloatArray]) -> FloatArray:
    width = max(row.size for row in rows)
    return np.array(
        [np.pad(row, (0, width - row.size), constant_values=np.nan) for row in rows]
    )
