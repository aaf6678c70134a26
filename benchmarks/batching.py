"""What batching is worth before a runtime that serves one call at a time.

Two services, one of which may put only one series in a call, each before a runtime
of its own that takes 15 ms a call and 0.2 ms a series. In each round, both are
measured at each number of connections.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.table import Table

from harness import (
    Server,
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
    Client,
    Load,
    Sender,
    ask_for_band,
    bodies,
    calls_of,
    measure,
    sender,
)

RUNTIME = ("--latency-ms", 15, "--per-series-ms", 0.2, "--serial")
CONTENDERS: Mapping[str, Mapping[str, object]] = {
    "batched": {},
    "unbatched": {"TSFM_TOLLAMA__MAX_SERIES_PER_CALL": 1},
}
MANY, ONE = 64, 1
N_BODIES = 128


@dataclass(frozen=True, slots=True)
class Result:
    """One contender at one number of connections in one round."""

    load: Load
    batch_size: float
    model_share: float


@contextmanager
def before_a_runtime(
    settings: Mapping[str, object],
) -> Iterator[tuple[Server, Server]]:
    """Start a runtime and the service before it."""
    with script("runtime_server.py", *RUNTIME) as runtime:
        environ = {"TSFM_TOLLAMA__URL": runtime.url, **settings}
        with tsfm_runner(environ) as service:
            yield service, runtime


def one_measurement(
    service: Server,
    runtime: Server,
    asked: Sequence[bytes],
    send: Sender,
    *,
    load: tuple[int, float],
) -> Result:
    """Measure one contender."""
    # What the last measurement left in the line is worked off before this answer.
    ask_for_band(service, asked[0])
    before = calls_of(runtime)
    told = measure(service, asked, send, load=load).load
    after = calls_of(runtime)
    n_calls = after.n_calls - before.n_calls
    n_series = after.n_series - before.n_series
    return Result(told, n_series / n_calls, min(1.0, n_series / told.n_answers))


def shown(results: Mapping[tuple[int, str], Sequence[Result]]) -> Table:
    """Return the figures, a row for each contender at each number of connections."""
    table = Table(
        *("connections", "who", "requests/s", "p50 ms", "p95 ms"),
        *("series a call", "from model"),
    )
    for (connections, name), rounds in results.items():
        loads = [one.load for one in rounds]
        table.add_row(
            str(connections),
            name,
            spread([load.per_second for load in loads], "{:.1f}"),
            spread([load.p50_ms for load in loads]),
            spread([load.p95_ms for load in loads]),
            spread([one.batch_size for one in rounds], "{:.1f}"),
            spread([one.model_share for one in rounds]),
        )
    return table


def verdicts(results: Mapping[tuple[int, str], Sequence[Result]]) -> Iterator[str]:
    """Yield each ratio beside its goal."""
    rates = {
        name: [one.load.per_second for one in results[MANY, name]]
        for name in CONTENDERS
    }
    gain = spread(ratios(rates["batched"], rates["unbatched"]), "{:.1f}")
    yield f"requests/s at {MANY} connections, batched / unbatched: {gain}, goal >= 20"
    waits = {
        name: [one.load.p50_ms for one in results[ONE, name]] for name in CONTENDERS
    }
    price = spread(ratios(waits["batched"], waits["unbatched"]), "{:.3f}")
    yield f"p50 at {ONE} connection, batched / unbatched: {price}, goal <= 1.05"


def main(
    *,
    seconds: Annotated[float, typer.Option(help="Time of each measurement.")] = 3.0,
    rounds: Annotated[int, typer.Option(help="Times that all are measured.")] = 5,
    client: Annotated[Client, typer.Option(help="Who sends.")] = "auto",
) -> None:
    """Print throughput and latency with batching and without, and their ratios."""
    name, send = sender(client)
    console = wide_console()
    console.print(f"{machine()}\n{name}; {seconds:g} s each")
    asked = bodies(N_BODIES, are_distinct=True)
    results: dict[tuple[int, str], list[Result]] = defaultdict(list)
    with ExitStack() as held:
        pairs = {
            name: held.enter_context(before_a_runtime(settings))
            for name, settings in CONTENDERS.items()
        }
        for _ in held.enter_context(in_rounds(rounds)):
            for connections in (MANY, ONE):
                for who, pair in pairs.items():
                    result = one_measurement(
                        *pair, asked, send, load=(connections, seconds)
                    )
                    results[connections, who].append(result)
    console.print(shown(results))
    for verdict in verdicts(results):
        console.print(verdict)


if __name__ == "__main__":
    run(main)
