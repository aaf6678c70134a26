"""What a model in the service's own process costs: time of a call, start, memory.

Calls are made on one thread, with everything that they need: from contexts of 288
prices to prices at every level. The goals are for the CPU time of that thread, however
busy others keep the machine. Start and memory are those of ``tsfm-runner serve``, with
the model and without it, in turns: from its first instruction to its first answer, and
what it holds after some requests.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from harness import (
    OK,
    MeasurementError,
    ask,
    in_rounds,
    machine,
    run,
    spread,
    tsfm_runner,
    wide_console,
)
from traffic import ROUTE
from tsfm_runner.adapters.embedded import EmbeddedModel, Shown, open_model
from tsfm_runner.adapters.models import model_store

GOALS = {1: 2_000.0, 64: 200.0}
HORIZON = 12
CONTEXT_STEPS = 288
_PER_ROUND_S = 0.3


@dataclass(frozen=True, slots=True)
class Calls:
    """What each round told of calls of one size, in microseconds a series."""

    us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Services:
    """What each round told of one way to serve."""

    start_s: list[float] = field(default_factory=list)
    start_cpu_s: list[float] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)


def contexts(n_markets: int) -> Shown:
    """Return markets that wander, none of their prices filled forward."""
    rng = np.random.default_rng(20260220)
    moves = rng.normal(0, 0.01, size=(n_markets, CONTEXT_STEPS))
    prices = np.clip(np.round(0.5 + np.cumsum(moves, axis=1), 2), 0.01, 0.99)
    return Shown(
        prices,
        np.full(n_markets, CONTEXT_STEPS),
        np.ones(prices.shape, dtype=np.bool_),
        np.full(n_markets, 5.0),
        np.full(n_markets, np.nan),
    )


def call(model: EmbeddedModel, shown: Shown, calls: Calls) -> None:
    """Note the median of some calls: of the clock, and of the thread's own time."""
    spent_s: list[float] = []
    spent_cpu_s: list[float] = []
    model.quantiles(shown, horizon=HORIZON)
    while sum(spent_s) < _PER_ROUND_S:
        started_s, started_cpu_s = time.perf_counter(), time.thread_time()
        model.quantiles(shown, horizon=HORIZON)
        spent_s.append(time.perf_counter() - started_s)
        spent_cpu_s.append(time.thread_time() - started_cpu_s)
    calls.us.append(1e6 * float(np.median(spent_s)) / len(shown.lengths))
    calls.cpu_us.append(1e6 * float(np.median(spent_cpu_s)) / len(shown.lengths))


def serve_once(
    services: Services, n_requests: int, *, name: str | None, models_dir: Path | None
) -> None:
    """Start the service, let it answer some requests, and note what it took."""
    environ: dict[str, object] = {"TSFM_EMBEDDED__ENABLED": str(name is not None)}
    if name is not None:
        environ["TSFM_EMBEDDED__MODEL"] = name
    if models_dir is not None:
        environ["TSFM_EMBEDDED__MODELS_DIR"] = models_dir.absolute()
    started_s = time.perf_counter()
    with tsfm_runner(environ) as server:
        services.start_s.append(time.perf_counter() - started_s)
        services.start_cpu_s.append(server.cpu_s())
        answered_by = {_answer(server.url, number) for number in range(n_requests)}
        services.rss_mib.append(server.rss_mib())
    if answered_by != {name or "ewma"}:
        raise MeasurementError(f"answered by {', '.join(sorted(answered_by))}")


def _answer(url: str, number: int) -> str:
    shown = contexts(1)
    body = {
        "market_id": f"m{number}",
        "as_of_ts": "2026-02-20T12:00:00Z",
        "y": shown.prices[0].tolist(),
    }
    told = ask(url + ROUTE, json.dumps(body).encode())
    if told.status != OK:
        raise MeasurementError(f"status {told.status}")
    return str(json.loads(told.body)["meta"]["model_name"])


def calls_table(spent: dict[int, Calls]) -> Table:
    """Return what a call took, by the size of its batch."""
    columns = "series a call", "ms a call", "us a series", "CPU us", "goal us", "met"
    table = Table(*columns)
    for size, taken in spent.items():
        goal = GOALS.get(size)
        met = "" if goal is None else str(float(np.median(taken.cpu_us)) <= goal)
        table.add_row(
            str(size),
            spread([one * size / 1e3 for one in taken.us]),
            spread(taken.us, "{:.0f}"),
            spread(taken.cpu_us, "{:.0f}"),
            "" if goal is None else f"{goal:.0f}",
            met,
        )
    return table


def service_table(ways: dict[str, Services]) -> Table:
    """Return what starting and holding the service took, without and with the model."""
    table = Table("service", "start s", "start CPU s", "RSS MiB")
    without, with_model = ways.values()
    for way, taken in (*ways.items(), ("difference", _less(with_model, without))):
        table.add_row(
            way,
            spread(taken.start_s),
            spread(taken.start_cpu_s),
            spread(taken.rss_mib, "{:.0f}"),
        )
    return table


def _less(one: Services, other: Services) -> Services:
    """Return what one way took more than the other, round by round."""

    def less(above: Sequence[float], below: Sequence[float]) -> list[float]:
        return [high - low for high, low in zip(above, below, strict=True)]

    return Services(
        less(one.start_s, other.start_s),
        less(one.start_cpu_s, other.start_cpu_s),
        less(one.rss_mib, other.rss_mib),
    )


def main(
    *,
    model: Annotated[str, typer.Option(help="Name of the model.")] = "tsfm-mini",
    models_dir: Annotated[
        Path | None, typer.Option(help="Folder of models, beside the package's.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    sizes: Annotated[str, typer.Option(help="Series a call.")] = "1,8,64,256",
    requests: Annotated[
        int, typer.Option(min=0, help="Before memory is read; 0: no service at all.")
    ] = 200,
) -> None:
    """Measure calls of one model, and the service with it and without."""
    stored = model_store(models_dir).find(model)
    opened = open_model(stored, threads=1)
    spent = {int(size): Calls() for size in sizes.split(",")}
    ways = {"without a model": Services(), f"with {stored.label}": Services()}
    console = wide_console()
    console.print(machine())
    with in_rounds(rounds) as numbers:
        for _ in numbers:
            for size, taken in spent.items():
                call(opened, contexts(size), taken)
            for services, name in zip(ways.values(), (None, model), strict=True):
                if requests:
                    serve_once(services, requests, name=name, models_dir=models_dir)
    console.print(calls_table(spent))
    if requests:
        console.print(service_table(ways))


if __name__ == "__main__":
    run(main)
