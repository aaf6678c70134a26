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
from rich.table import Table

from asgi import Application
from harness import (
    MeasurementError,
    call,
    in_process,
    in_rounds,
    machine,
    run,
    wide_console,
)
from traffic import ROUTE
from tsfm_runner.api.translate import read_lean_task
from tsfm_runner.api.writing import whole, write
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.cli.simulated_requests import requests_of, simulated_day
from tsfm_runner.config import CacheConfig, Settings, TaskConfig
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


def read(body: bytes, config: TaskConfig) -> ForecastTask:
    """Return the task of a body that is known to be good."""
    task = read_lean_task(body, config)
    if task is None:
        raise MeasurementError(f"no usual request: {body[:200]!r}")
    return task


async def measure_one(
    app: Application,
    service: ForecastService,
    body: bytes,
    watch: Stopwatch,
    *,
    method: str,
) -> None:
    """Walk one request through its stages, then through the whole application."""
    settings = service.settings
    with watch.measure("decode"):
        task = read(body, settings.task)
    with watch.measure("prepare"):
        [prepared] = prepare_many([task], settings.preparation)
        service.router.plan(prepared)
    with watch.measure("predict"):
        [band] = service.completer.baselines.predict([method], [prepared])
    with watch.measure("finish"):
        finish([(prepared, band)], settings.band)
    with watch.measure("whole"):
        answer = await call(app, ROUTE, body)
    if b"yhat_q" not in answer:
        raise MeasurementError(f"no band: {answer[:200]!r}")
    [served] = await service.forecast_many([task], deadline_s=1)
    if not isinstance(served, ServedForecast):
        raise MeasurementError(f"no answer: {served}")
    with watch.measure("encode"):
        whole(write(served).head, served)


async def measure(n_rounds: int, n_bodies: int) -> dict[str, Stopwatch]:
    """Return what each method spent, the methods taking turns."""
    watches = {method: Stopwatch() for method in BASELINE_METHODS}
    asked = {method: bodies(method, n_bodies) for method in BASELINE_METHODS}
    settings = Settings(cache=CacheConfig(ttl_s=0))
    async with open_backend(settings) as backend, in_process(settings) as app:
        with in_rounds(n_rounds) as numbers:
            for _ in numbers:
                for method, watch in watches.items():
                    for body in asked[method]:
                        service = backend.forecasts
                        await measure_one(app, service, body, watch, method=method)
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
