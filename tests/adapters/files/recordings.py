"""Small recordings, good ones and broken ones, for tests of what reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

START = datetime(2026, 2, 1, tzinfo=UTC)
N_POINTS = 40


def points_of(
    name: str,
    *,
    n_points: int = N_POINTS,
    step_s: float = 300,
    prices: Sequence[object] | None = None,
    start: datetime = START,
) -> pl.DataFrame:
    """Return points of one market that keep to a step and to a tick of a hundredth."""
    if prices is None:
        prices = [(40 + 7 * at % 5) / 100 for at in range(n_points)]
    times = [start + timedelta(seconds=step_s) * at for at in range(len(prices))]
    schema = {"ts": pl.Datetime("ms", "UTC")}
    return pl.DataFrame(
        {"market_id": [name] * len(prices), "ts": times, "price": prices},
        schema_overrides=schema,
        strict=False,
    )


def recorded_prices(*names: str) -> pl.DataFrame:
    """Return points of some markets, one after the other."""
    return pl.concat([points_of(name) for name in names])


def listed(*names: str, **columns: Sequence[object]) -> pl.DataFrame:
    """Return a table of markets."""
    return pl.DataFrame({"market_id": names, **columns})


def written(folder: Path, suffix: str = ".parquet", /, **tables: pl.DataFrame) -> Path:
    """Write tables by their names, and return the folder."""
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        path = folder / f"{name}{suffix}"
        if suffix == ".csv":
            table.write_csv(path)
        else:
            table.write_parquet(path)
    return folder
