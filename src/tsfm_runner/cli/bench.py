"""``bench``: the service over HTTP in front of a runtime of known latency."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import aiohttp
import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.serving import bind, run, running_service, url_of
from tsfm_runner.cli.simulated_requests import requests_of, simulated_day
from tsfm_runner.config import Settings
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

_END = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """One answered request."""

    latency_ms: float
    is_cache_hit: bool
    is_fallback: bool


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and how slow the runtime behind the service is."""

    n_requests: int
    n_unique: int
    latency_ms: float
    concurrency: int


def bench(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    requests: Annotated[int, typer.Option(min=1, help="Requests to send.")] = 200,
    unique: Annotated[int, typer.Option(min=1, help="Distinct ones among them.")] = 20,
    adapter_latency_ms: Annotated[
        float, typer.Option(min=0, help="Time the runtime takes for a call.")
    ] = 15,
    budget_p95_ms: Annotated[
        float, typer.Option(min=0, help="Most for the 95th percentile of latency.")
    ] = 300,
    budget_cycle_s: Annotated[
        float, typer.Option(min=0, help="Most for all requests together.")
    ] = 60,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at a time.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Measure the service over HTTP against its budgets.

    Service, runtime double and client share this process; the latency of the
    runtime bounds what can be reached, and the bound is printed.
    """
    settings = load_for(context, {"server.port": 0}).settings
    load = Load(requests, unique, adapter_latency_ms, concurrency)
    samples, elapsed_s = run(_measure(settings, load))
    figures = _figures(samples, unique=unique, elapsed_s=elapsed_s)
    if adapter_latency_ms:
        figures["ceiling_rps"] = concurrency * 1_000 / adapter_latency_ms
    failures = _failures(figures, p95_ms=budget_p95_ms, cycle_s=budget_cycle_s)
    if as_json:
        print_json(figures | {"slo": "fail" if failures else "pass"})
    else:
        _print_lines(figures, failures)
    if failures:
        raise typer.Exit(ExitCode.FAILED)


def _print_lines(figures: dict[str, float], failures: list[str]) -> None:
    for name, value in figures.items():
        shown = value if isinstance(value, int) else f"{value:.3f}"
        typer.echo(f"{name}={shown}")
    typer.echo(f"SLO_FAIL: {'; '.join(failures)}" if failures else "SLO_PASS")


async def _measure(settings: Settings, load: Load) -> tuple[list[Sample], float]:
    """Return a sample for each request, and the seconds that all of them took."""
    double = FakeTollamaOptions(latency_ms=load.latency_ms, is_serial=False)
    async with running_fake_tollama(double) as runtime_url:
        settings = _in_front_of(settings, runtime_url)
        with bind(settings.server.host, 0) as bound:
            async with running_service(settings, bound):
                return await _send(f"{url_of(bound)}/tsfm/forecast", load)


def _in_front_of(settings: Settings, runtime_url: str) -> Settings:
    """Return the settings of a service before the double, for nobody else's use."""
    tollama = settings.tollama.model_dump() | {"url": runtime_url, "token": None}
    plain = {"tollama": tollama, "auth": {}, "server": {"host": "127.0.0.1"}}
    return Settings.model_validate(settings.model_dump() | plain)


async def _send(url: str, load: Load) -> tuple[list[Sample], float]:
    bodies = requests_of(simulated_day(load.n_unique, seed=1, end=_END))
    numbers = iter(range(load.n_requests))
    samples: list[Sample] = []
    console = Console(stderr=True)
    connector = aiohttp.TCPConnector(limit=load.concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        with Progress(console=console) as progress:
            bar = progress.add_task("Requests", total=load.n_requests)

            async def work(shared: Iterator[int]) -> None:
                for number in shared:
                    body = bodies[number % len(bodies)]
                    samples.append(await _ask(session, url, body))
                    progress.advance(bar)

            started_s = time.perf_counter()
            async with asyncio.TaskGroup() as workers:
                for _ in range(load.concurrency):
                    workers.create_task(work(numbers))
            return samples, time.perf_counter() - started_s


async def _ask(session: aiohttp.ClientSession, url: str, body: Any) -> Sample:  # noqa: ANN401 - JSON is any
    started_s = time.perf_counter()
    async with session.post(url, json=body, raise_for_status=True) as reply:
        meta = (await reply.json())["meta"]
    return Sample(
        latency_ms=1_000 * (time.perf_counter() - started_s),
        is_cache_hit=meta.get("cache_hit", False),
        is_fallback=meta["fallback_used"],
    )


def _figures(
    samples: Sequence[Sample], *, unique: int, elapsed_s: float
) -> dict[str, float]:
    p50_ms, p95_ms = np.percentile([one.latency_ms for one in samples], [50, 95])
    return {
        "requests": len(samples),
        "unique": unique,
        "elapsed_s": elapsed_s,
        "throughput_rps": len(samples) / elapsed_s,
        "latency_p50_ms": float(p50_ms),
        "latency_p95_ms": float(p95_ms),
        "cache_hit_rate": float(np.mean([one.is_cache_hit for one in samples])),
        "fallback_rate": float(np.mean([one.is_fallback for one in samples])),
    }


def _failures(figures: dict[str, float], *, p95_ms: float, cycle_s: float) -> list[str]:
    """Return what went over its budget."""
    budgets = {"latency_p95_ms": p95_ms, "elapsed_s": cycle_s}
    return [
        f"{name} {figures[name]:.2f} > {budget:g}"
        for name, budget in budgets.items()
        if figures[name] > budget
    ]
