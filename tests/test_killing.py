"""A service that is killed at any moment goes on where it was, and twice never."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tsfm_runner.adapters.ledger.integrity import check_ledger
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import CacheConfig, Settings, StoreConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, MarketFacts, Transform

N_KILLS = 40
LONGEST_S = 0.25
SEED = 20261125
N_MARKETS = 12
STEP = timedelta(minutes=5)
START = datetime(2026, 2, 20, tzinfo=UTC)
LOGIT = Transform("logit", 1e-6)
FIVE_MINUTES = Frequency.parse("5m")


def settings(path: Path) -> Settings:
    """Return settings of a service that writes often."""
    return Settings(
        cache=CacheConfig(ttl_s=0),
        store=StoreConfig(
            url=f"sqlite:///{path}", commit_interval_s=0.01, snapshot_interval_s=0.03
        ),
    )


def prices() -> np.ndarray:
    """Return the whole history of every market."""
    moves = np.random.default_rng(SEED).normal(0, 0.01, size=(N_MARKETS, 5_000))
    return np.clip(0.5 + np.cumsum(moves, axis=1), 0.01, 0.99).round(2)


def tasks_at(history: np.ndarray, step: int) -> list[ForecastTask]:
    """Return what is asked at one step, of every market."""
    return [
        ForecastTask(
            f"market-{number}",
            START + step * STEP,
            FIVE_MINUTES,
            12,
            (0.1, 0.5, 0.9),
            history[number, max(0, step - 59) : step + 1],
            LOGIT,
            facts=MarketFacts(event_id=f"event-{number // 3}"),
        )
        for number in range(N_MARKETS)
    ]


def work(path: Path, first: int, told: Connection) -> None:
    """Ask step after step, tell of each one that was answered, until killed."""

    async def run() -> None:
        async with open_backend(settings(path), keeps=True) as backend:
            history = prices()
            for step in range(first, history.shape[1]):
                outcomes = await backend.forecasts.forecast_many(
                    tasks_at(history, step), deadline_s=5
                )
                assert all(isinstance(one, ServedForecast) for one in outcomes)
                told.send(step)
                await asyncio.sleep(0.002)

    asyncio.run(run())


def killed_after(path: Path, first: int, after_s: float) -> int:
    """Run a service from a step on, kill it, and return the last step it answered."""
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(path, first, its))
    process.start()
    its.close()
    assert mine.poll(timeout=60)  # it has begun
    time.sleep(after_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    last = first
    while True:
        try:
            last = mine.recv()
        except EOFError:
            mine.close()
            return last


def scored_steps(path: Path) -> Iterator[tuple[int, int]]:
    """Yield every (forecast id, step) that the ledger says was scored."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        query = sa.text(
            "SELECT f.value, s.value FROM scores, json_each(forecast_ids) f, "
            "json_each(steps) s WHERE f.key = s.key"
        )
        yield from ((row[0], row[1]) for row in connection.execute(query))
    engine.dispose()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
async def test_a_service_that_is_killed_scores_every_outcome_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    moments = np.random.default_rng(SEED).uniform(0, LONGEST_S, size=N_KILLS)
    step = 40
    for moment in moments:
        step = killed_after(path, step, float(moment)) + 1
        assert check_ledger(path).findings == ()

    pairs = list(scored_steps(path))
    async with open_backend(settings(path), keeps=True) as backend:
        n_scored = sum(record.n for record in backend.calibrator.state.records())

    assert step > 40 + N_KILLS
    assert len(pairs) == len(set(pairs)) > 10 * N_KILLS
    assert n_scored == len(pairs)
