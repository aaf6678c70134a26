"""Inputs of cycles: points of made-up markets up to noon, or some minutes past it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from anyio.from_thread import start_blocking_portal

from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
N_POINTS = 60
WALK = 0.5 + 0.2 * np.sin(np.arange(float(N_POINTS)))


def prices(*market_ids: str, end: datetime = NOON) -> pl.DataFrame:
    """Return the points of some markets, five minutes apart."""
    times = [end - timedelta(minutes=5 * age) for age in reversed(range(N_POINTS))]
    frames = [
        pl.DataFrame({"market_id": [name] * N_POINTS, "ts": times, "price": WALK})
        for name in market_ids
    ]
    return pl.concat(frames)


def names(count: int) -> list[str]:
    """Return the names of so many markets, in their order."""
    return [f"m{number:03}" for number in range(count)]


def price_file(folder: Path, *market_ids: str) -> Path:
    """Write points of the markets; return where."""
    path = folder / "series.parquet"
    prices(*market_ids).write_parquet(path)
    return path


@contextmanager
def runtime_beside(options: FakeTollamaOptions) -> Iterator[str]:
    """Yield the address of a double that runs in a thread of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running_fake_tollama(options)) as url,
    ):
        yield url
