"""The service under HTTP load, side by side with a raw ASGI echo of the same bytes.

In each round every path is measured once: the echo, then ours. CPU time is the
server's own, user and system, over the requests that were answered.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from harness import (
    MeasurementError,
    Server,
    ask,
    in_rounds,
    machine,
    ratios,
    run,
    script,
    spread,
    tsfm_runner,
    wide_console,
)
from traffic import (
    ROUTE,
    Client,
    Cost,
    Sender,
    ask_for_band,
    bodies,
    calls_of,
    measure,
    sender,
)

CPU_GOALS = {"hit": 2.5, "baseline": 5.0}
RUNTIME_MS = 15
N_HIT_BODIES = 8
N_BODIES = 128


@dataclass(frozen=True, slots=True)
class Contenders:
    """One path: our server, the echo of its answers, and what both are sent."""

    ours: Server
    echo: Server
    bodies: Sequence[bytes]
    runtime: Server | None


@dataclass(frozen=True, slots=True)
class Result:
    """One path in one round; ``model_share`` of our answers came from the runtime."""

    echo: Cost
    ours: Cost
    model_share: float


@contextmanager
def contenders(path: str) -> Iterator[Contenders]:
    """Start what one path needs, and see that it answers as the path's name says."""
    with ExitStack() as held:
        runtime, settings = None, {}
        if path != "baseline":
            flags = ("--latency-ms", RUNTIME_MS)
            runtime = held.enter_context(script("runtime_server.py", *flags))
            settings["TSFM_TOLLAMA__URL"] = runtime.url
        ours = held.enter_context(tsfm_runner(settings))
        echo = held.enter_context(script("echo_server.py"))
        is_hit = path == "hit"
        asked = bodies(N_HIT_BODIES if is_hit else N_BODIES, are_distinct=not is_hit)
        answers = [check(ours, body, path) for body in asked[:N_HIT_BODIES]]
        ask(echo.url + ROUTE, answers[0], method="PUT")
        yield Contenders(ours, echo, asked, runtime)


def check(server: Server, body: bytes, path: str) -> bytes:
    """Return the answer to a body that is what the path is about, or raise."""
    if path == "hit":
        ask(server.url + ROUTE, body)
    answer = ask_for_band(server, body)
    meta = msgspec.json.decode(answer)["meta"]
    wanted = {
        "hit": meta.get("cache_hit") is True,
        "baseline": meta["runtime"] == "baseline",
        "runtime": meta["runtime"] == "tollama",
    }
    if not wanted[path]:
        raise MeasurementError(f"not an answer for the path {path}: {meta}")
    return answer


def one_round(pair: Contenders, send: Sender, load: tuple[int, float]) -> Result:
    """Measure the echo, then ours."""
    echo = measure(pair.echo, pair.bodies, send, load=load)
    before = calls_of(pair.runtime)
    ours = measure(pair.ours, pair.bodies, send, load=load)
    n_series = calls_of(pair.runtime).n_series - before.n_series
    return Result(echo, ours, min(1.0, n_series / ours.load.n_answers))


def shown(results: Mapping[str, Sequence[Result]]) -> Table:
    """Return the figures, a row for each contender of each path."""
    table = Table(
        *("path", "who", "requests/s", "p50 ms", "p95 ms", "CPU us"),
        *("CPU / echo", "goal", "from model"),
    )
    for path, rounds in results.items():
        echo, ours = [one.echo for one in rounds], [one.ours for one in rounds]
        shares = [one.model_share for one in rounds]
        ratio = ratios([one.cpu_us for one in ours], [one.cpu_us for one in echo])
        goal = f"<= {CPU_GOALS[path]}" if path in CPU_GOALS else ""
        table.add_row(path, "echo", *_figures(echo), "1")
        table.add_row(
            path, "ours", *_figures(ours), spread(ratio), goal, spread(shares)
        )
    return table


def _figures(costs: Sequence[Cost]) -> tuple[str, ...]:
    loads = [cost.load for cost in costs]
    return (
        spread([load.per_second for load in loads], "{:.0f}"),
        spread([load.p50_ms for load in loads], "{:.1f}"),
        spread([load.p95_ms for load in loads], "{:.1f}"),
        spread([cost.cpu_us for cost in costs], "{:.0f}"),
    )


def main(
    *,
    connections: Annotated[int, typer.Option(help="Connections at a time.")] = 32,
    seconds: Annotated[float, typer.Option(help="Time of each measurement.")] = 3.0,
    rounds: Annotated[int, typer.Option(help="Times that all are measured.")] = 5,
    paths: Annotated[
        str, typer.Option(help="Some of hit, baseline, runtime.")
    ] = "hit,baseline,runtime",
    client: Annotated[Client, typer.Option(help="Who sends.")] = "auto",
) -> None:
    """Print requests a second, latency and CPU time of each path beside the echo's."""
    name, send = sender(client)
    console = wide_console()
    console.print(f"{machine()}\n{name}; {connections} connections, {seconds:g} s each")
    results: dict[str, list[Result]] = defaultdict(list)
    with ExitStack() as held:
        pairs = {
            path: held.enter_context(contenders(path)) for path in paths.split(",")
        }
        for _ in held.enter_context(in_rounds(rounds)):
            for path, pair in pairs.items():
                results[path].append(one_round(pair, send, (connections, seconds)))
    console.print(shown(results))


if __name__ == "__main__":
    run(main)
