"""Memory of a server over many requests, and what its metrics cost.

Half of the requests are the same few again and again, half were never seen before.
Memory is flat when the slope over the second half is about nothing: in the first,
the cache still fills up to its bound.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from harness import OK, Server, ask, machine, run, script, tsfm_runner, wide_console
from traffic import Client, Sender, ask_for_band, bodies, measure, sender

N_SAMPLES = 10
N_BODIES = 128
CONNECTIONS = 32
FEW_MARKETS, MANY_MARKETS = 100, 10_000
N_SCRAPES = 50
GOAL_MS = 50
_FIRST_S, _LONGEST_S = 1.0, 20.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server held after so many requests."""

    n_requests: int
    rss_mib: float
    per_second: float


def samples(
    server: Server, asked: Sequence[bytes], send: Sender, n_requests: int
) -> Iterator[Sample]:
    """Yield a sample at the start and whenever another share is answered."""
    n_done, per_second = 0, 0.0
    yield Sample(n_done, server.rss_mib(), per_second)
    for share in range(1, N_SAMPLES + 1):
        wanted = share * n_requests // N_SAMPLES
        while n_done < wanted:
            left_s = (wanted - n_done) / per_second if per_second else _FIRST_S
            load = (CONNECTIONS, float(np.clip(left_s, _FIRST_S, _LONGEST_S)))
            told = measure(server, asked, send, load=load).load
            n_done, per_second = n_done + told.n_answers, told.per_second
        yield Sample(n_done, server.rss_mib(), per_second)


def slope_kib(taken: Sequence[Sample]) -> float:
    """Return the growth in KiB a thousand requests, as the straight line fits best."""
    thousands = [one.n_requests / 1e3 for one in taken]
    return float(np.polyfit(thousands, [1024 * one.rss_mib for one in taken], 1)[0])


def shown(taken: Sequence[Sample]) -> Table:
    """Return the samples, a row each."""
    table = Table("requests", "RSS MiB", "of the start", "requests/s")
    for one in taken:
        table.add_row(
            f"{one.n_requests:,}",
            f"{one.rss_mib:.1f}",
            f"{one.rss_mib / taken[0].rss_mib:.2f}",
            f"{one.per_second:.0f}" if one.per_second else "",
        )
    return table


def metrics_cost(server: Server) -> tuple[float, int] | None:
    """Return CPU milliseconds and bytes of one look at the metrics, None without."""
    answer = ask(f"{server.url}/metrics")
    if answer.status != OK:
        return None
    spent_s = server.cpu_s()
    for _ in range(N_SCRAPES):
        answer = ask(f"{server.url}/metrics")
    spent_s = server.cpu_s() - spent_s
    return 1e3 * spent_s / N_SCRAPES, len(answer.body)


def metrics_lines() -> Iterator[str]:
    """Yield what the metrics cost after few markets and after many."""
    with tsfm_runner() as server:
        [body] = bodies(1, are_distinct=True)
        n_asked = 0
        for n_markets in (FEW_MARKETS, MANY_MARKETS):
            for _ in range(n_markets - n_asked):
                ask_for_band(server, body)
            n_asked = n_markets
            cost = metrics_cost(server)
            if cost is None:
                yield "GET /metrics: there is none"
                return
            cpu_ms, size = cost
            yield (
                f"GET /metrics after {n_markets:,} markets: {cpu_ms:.1f} ms CPU "
                f"(goal <= {GOAL_MS}), {size:,} bytes"
            )


def main(
    *,
    requests: Annotated[int, typer.Option(min=N_SAMPLES, help="To send.")] = 1_000_000,
    runtime: Annotated[bool, typer.Option(help="Put a runtime behind.")] = True,
    client: Annotated[Client, typer.Option(help="Who sends.")] = "auto",
) -> None:
    """Print memory and its slope over many requests, and the cost of the metrics."""
    name, send = sender(client)
    console = wide_console()
    console.print(f"{machine()}\n{name}; {CONNECTIONS} connections")
    asked = bodies(N_BODIES, are_distinct=True)
    asked[::2] = bodies(N_BODIES, are_distinct=False)[::2]
    taken: list[Sample] = []
    with ExitStack() as held:
        settings = {}
        if runtime:
            flags = ("--latency-ms", 0)
            double = held.enter_context(script("runtime_server.py", *flags))
            settings["TSFM_TOLLAMA__URL"] = double.url
        server = held.enter_context(tsfm_runner(settings))
        progress = held.enter_context(Progress(console=Console(stderr=True)))
        bar = progress.add_task("Requests", total=requests)
        for sample in samples(server, asked, send, requests):
            taken.append(sample)
            progress.update(bar, completed=sample.n_requests)
    console.print(shown(taken))
    console.print(
        f"slope in KiB per 1,000 requests: {slope_kib(taken):.2f} over all, "
        f"{slope_kib(taken[len(taken) // 2 :]):.2f} over the second half"
    )
    for line in metrics_lines():
        console.print(line)


if __name__ == "__main__":
    run(main)
