"""Microseconds of each stage of a baseline request, by method, side by side."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from harness import MeasurementError, in_process, machine, run, wide_console
from tsfm_runner.api.desk import Desk
from tsfm_runner.api.writing import whole, write
from tsfm_runner.cli.simulated_requests import requests_of, simulated_day
from tsfm_runner.config import CacheConfig, Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.service.finishing import finish
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.preparing import prepare_many
from tsfm_runner.service.routing import BASELINE_METHODS

STAGES = ("decode", "prepare", "predict", "finish", "encode", "whole")


class Stopwatch:
    """Collects the microseconds of named stages."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self.spent_us: dict[str, list[float]] = {stage: [] for stage in STAGES}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        started_s = time.perf_counter()
        yield
        self.spent_us[stage].append(1e6 * (time.perf_counter() - started_s))


def bodies(method: str, n_bodies: int) -> list[bytes]:
    """Return request bodies of simulated markets of 288 points."""
    end = datetime(2026, 1, 1, tzinfo=UTC)
    model = {"provider": "baseline", "model_name": method}
    return [
        json.dumps(request | {"model": model}).encode()
        for request in requests_of(simulated_day(n_bodies, seed=1, end=end))
    ]


def read(desk: Desk, body: bytes) -> ForecastTask:
    """Return the task of a body that is known to be good."""
    task = desk.read(body).found
    if not isinstance(task, ForecastTask):
        raise MeasurementError(f"no task: {task}")
    return task


async def measure_one(
    desk: Desk, service: ForecastService, body: bytes, watch: Stopwatch, *, method: str
) -> None:
    """Walk one request through its stages, then through the service as a whole."""
    settings = service.settings
    with watch.measure("decode"):
        task = read(desk, body)
    with watch.measure("prepare"):
        [prepared] = prepare_many([task], settings.preparation)
        service.router.plan(prepared)
    with watch.measure("predict"):
        [band] = service.completer.baselines.predict([method], [prepared])
    with watch.measure("finish"):
        finish([(prepared, band)], settings.band)
    with watch.measure("whole"):
        visit = desk.visit({}, deadline_s=settings.resilience.deadline_s)
        await desk.serve([desk.read(body)], service, visit)
    [served] = await service.forecast_many([task], deadline_s=visit.deadline_s)
    if not isinstance(served, ServedForecast):
        raise MeasurementError(f"no answer: {served}")
    with watch.measure("encode"):
        whole(write(served).head, served)


async def measure(n_rounds: int, n_bodies: int) -> dict[str, Stopwatch]:
    """Return what each method spent, the methods taking turns."""
    watches = {method: Stopwatch() for method in BASELINE_METHODS}
    asked = {method: bodies(method, n_bodies) for method in BASELINE_METHODS}
    async with in_process(Settings(cache=CacheConfig(ttl_s=0))) as app:
        desk, service = app.state.desk, app.state.backend.forecasts
        for _ in track(range(n_rounds), "Rounds", console=Console(stderr=True)):
            for method, watch in watches.items():
                for body in asked[method]:
                    await measure_one(desk, service, body, watch, method=method)
    return watches


def main(
    rounds: Annotated[int, typer.Option(help="Times that every request runs.")] = 20,
    requests: Annotated[int, typer.Option(help="Distinct requests a method.")] = 20,
) -> None:
    """Print the median microseconds of each stage, and the 10th and 90th percentile."""
    watches = asyncio.run(measure(rounds, requests))
    console = wide_console()
    console.print(f"{machine()}\nus a request of 288 points, median (10th-90th)")
    table = Table("stage", *watches)
    for stage in STAGES:
        cells = []
        for watch in watches.values():
            low, median, high = np.percentile(watch.spent_us[stage], [10, 50, 90])
            cells.append(f"{median:.0f} ({low:.0f}-{high:.0f})")
        table.add_row(stage, *cells)
    console.print(table)


if __name__ == "__main__":
    run(main)
