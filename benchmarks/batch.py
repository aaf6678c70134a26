"""One batch of many markets that baselines answer: microseconds a market.

``service`` is ``ForecastService.forecast_many`` on tasks that are read already;
``application`` is all of ours from the bytes of the request to those of the answer,
called without a socket; ``HTTP`` is the same in a process of its own, with the time
that a client waits. In each round each is measured once, on markets that were never
asked about before.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import numpy as np
import typer
from rich.table import Table

from asgi import Application
from harness import (
    OK,
    MeasurementError,
    Server,
    ask,
    call,
    in_process,
    in_rounds,
    machine,
    run,
    spread,
    tsfm_runner,
    wide_console,
)
from traffic import BATCH_ROUTE, bodies, fresh, is_band
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import EmbeddedConfig, Settings, TaskConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, Transform
from tsfm_runner.service.forecasting import ForecastService

GOALS_US = {"service": 40, "application": 100, "HTTP": 100}


@dataclass(frozen=True, slots=True)
class Spent:
    """What one batch took, in microseconds a market."""

    wall_us: float
    cpu_us: float


class Stopwatch:
    """Collects what batches took, by contender."""

    def __init__(self, n_markets: int) -> None:
        """Start with nothing measured; every batch holds so many markets."""
        self.spent: dict[str, list[Spent]] = defaultdict(list)
        self._n_markets = n_markets

    @contextmanager
    def measure(
        self, name: str, cpu_s: Callable[[], float] = time.process_time
    ) -> Iterator[None]:
        """Add the time of the block, and the CPU time of whoever works in it."""
        started_s, started_cpu_s = time.perf_counter(), cpu_s()
        yield
        wall_s, spent_s = time.perf_counter() - started_s, cpu_s() - started_cpu_s
        share = 1e6 / self._n_markets
        self.spent[name].append(Spent(share * wall_s, share * spent_s))


def batch_of(requests: Sequence[bytes]) -> bytes:
    """Return a batch of markets that nobody has asked about."""
    return fresh(b'{"requests":[' + b",".join(requests) + b"]}")


def tasks_of(body: bytes, config: TaskConfig) -> list[ForecastTask]:
    """Return what the requests of a batch ask for."""
    return [
        ForecastTask(
            market_id=request["market_id"],
            cutoff=datetime.fromisoformat(request["as_of_ts"]).astimezone(UTC),
            freq=Frequency.parse(config.freq),
            horizon=config.horizon,
            quantile_levels=config.quantile_levels,
            context=np.array(request["y"], dtype=np.float64),
            transform=Transform(config.space, config.eps),
        )
        for request in msgspec.json.decode(body)["requests"]
    ]


def check(answer: bytes, n_markets: int) -> None:
    """Raise unless every market of a batch has a band."""
    results = msgspec.json.decode(answer).get("results", [])
    bands = [one["result"]["yhat_q"] for one in results if "result" in one]
    if len(bands) != n_markets or not all(map(is_band, bands)):
        raise MeasurementError(f"a batch without bands: {answer[:200]!r}")


async def measure_here(
    service: ForecastService,
    app: Application,
    requests: Sequence[bytes],
    watch: Stopwatch,
) -> None:
    """Measure the service, then the application, in this process."""
    settings = service.settings
    deadline_s = settings.resilience.batch_deadline_s
    tasks = tasks_of(batch_of(requests), settings.task)
    with watch.measure("service"):
        served = await service.forecast_many(tasks, deadline_s=deadline_s)
    if not all(isinstance(one, ServedForecast) for one in served):
        raise MeasurementError("the service refused a task")
    body = batch_of(requests)
    with watch.measure("application"):
        answer = await call(app, BATCH_ROUTE, body)
    check(answer, len(requests))


def over_http(server: Server, requests: Sequence[bytes], watch: Stopwatch) -> None:
    """Measure a server of its own."""
    body = batch_of(requests)
    with watch.measure("HTTP", server.cpu_s):
        answer = ask(server.url + BATCH_ROUTE, body)
    if answer.status != OK:
        raise MeasurementError(f"{answer.status} {answer.body[:200]!r}")
    check(answer.body, len(requests))


async def measure(
    server: Server, requests: Sequence[bytes], n_rounds: int
) -> dict[str, list[Spent]]:
    """Return what each contender spent in each round, after one that is not counted."""
    warm, watch = Stopwatch(len(requests)), Stopwatch(len(requests))
    settings = Settings(embedded=EmbeddedConfig(enabled=False))
    async with open_backend(settings) as backend, in_process(settings) as app:
        with in_rounds(n_rounds + 1) as numbers:
            for number in numbers:
                current = watch if number else warm
                await measure_here(backend.forecasts, app, requests, current)
                over_http(server, requests, current)
    return watch.spent


def shown(spent: Mapping[str, Sequence[Spent]]) -> Table:
    """Return the figures, a row for each contender."""
    table = Table(
        "us a market", "elapsed", "CPU", "goal", "elapsed / goal", "CPU / goal"
    )
    for name, rounds in spent.items():
        wall_us = [one.wall_us for one in rounds]
        cpu_us, goal = [one.cpu_us for one in rounds], GOALS_US[name]
        table.add_row(
            name,
            spread(wall_us, "{:.1f}"),
            spread(cpu_us, "{:.1f}"),
            f"<= {goal}",
            spread([value / goal for value in wall_us]),
            spread([value / goal for value in cpu_us]),
        )
    return table


def main(
    *,
    markets: Annotated[int, typer.Option(min=1, max=1_000, help="In a batch.")] = 1_000,
    rounds: Annotated[int, typer.Option(help="Times that all are measured.")] = 9,
) -> None:
    """Print what a market in a batch costs without JSON, with it, and over HTTP."""
    console = wide_console()
    console.print(f"{machine()}\n{markets} markets of 288 points, 12 steps, 3 levels")
    requests = bodies(markets, are_distinct=True)
    with tsfm_runner() as server:
        spent = asyncio.run(measure(server, requests, rounds))
    console.print(shown(spent))


if __name__ == "__main__":
    run(main)
