"""Microseconds of each stage of a baseline request, by method, side by side."""

import asyncio
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tsfm_runner.api.decode import parse_json
from tsfm_runner.api.translate import answer_to_wire, read_task
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.cli.simulated_requests import requests_of, simulated_day
from tsfm_runner.config import Settings
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.service.finishing import finish
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.preparing import prepare
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


def read(body: bytes, settings: Settings) -> ForecastTask:
    """Return the task of a body that is known to be good."""
    value = parse_json(body, max_values=settings.server.max_values)
    task = read_task(value, settings.task)
    if not isinstance(task, ForecastTask):
        raise TypeError(task)
    return task


async def measure_one(
    service: ForecastService, body: bytes, watch: Stopwatch, *, method: str
) -> None:
    """Walk one request through its stages, then through the service as a whole."""
    settings = service.settings
    with watch.measure("decode"):
        task = read(body, settings)
    with watch.measure("prepare"):
        prepared = prepare(task, settings.preparation)
        service.router.plan(prepared)
    with watch.measure("predict"):
        [band] = service.baselines.predict([method], [prepared])
    with watch.measure("finish"):
        finish([(prepared, band)], settings.band)
    with watch.measure("whole"):
        [served] = await service.forecast_many([read(body, settings)], deadline_s=2.5)
        msgspec.json.encode(answer_to_wire(served))
    with watch.measure("encode"):
        msgspec.json.encode(answer_to_wire(served))


async def measure(n_rounds: int, n_bodies: int) -> dict[str, Stopwatch]:
    """Return what each method spent, the methods taking turns."""
    watches = {method: Stopwatch() for method in BASELINE_METHODS}
    asked = {method: bodies(method, n_bodies) for method in BASELINE_METHODS}
    async with open_backend(Settings()) as backend:
        for _ in track(range(n_rounds), "Rounds", console=Console(stderr=True)):
            for method, watch in watches.items():
                for body in asked[method]:
                    await measure_one(backend.forecasts, body, watch, method=method)
    return watches


def main(
    rounds: Annotated[int, typer.Option(help="Times that every request runs.")] = 20,
    requests: Annotated[int, typer.Option(help="Distinct requests a method.")] = 20,
) -> None:
    """Print the median microseconds of each stage, and the 10th and 90th percentile."""
    watches = asyncio.run(measure(rounds, requests))
    seen = f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}"
    table = Table("stage", *watches, title=f"us a request, 288 points ({seen})")
    for stage in STAGES:
        cells = []
        for watch in watches.values():
            low, median, high = np.percentile(watch.spent_us[stage], [10, 50, 90])
            cells.append(f"{median:.0f} ({low:.0f}-{high:.0f})")
        table.add_row(stage, *cells)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
