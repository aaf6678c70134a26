"""``fake-tollama``: a double of the tollama daemon, with faults on demand."""

import asyncio
import signal
from typing import Annotated

import typer

from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    running_fake_tollama,
)

_DEFAULTS = FakeTollamaOptions()


def fake_tollama(  # noqa: PLR0913 - one parameter an option
    *,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to bind; 0 takes a free one.")
    ] = 11435,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Installed model; repeat for more; unset: chronos2 and mock."
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="FAKE_TOLLAMA_API_KEY",
            help="Key that every request must bring; unset: none.",
        ),
    ] = None,
    generation: Annotated[
        int, typer.Option(min=0, max=7, help="Generation of the daemon to play.")
    ] = _DEFAULTS.generation,
    latency_ms: Annotated[
        float, typer.Option(min=0, help="Time the model works on each request.")
    ] = _DEFAULTS.latency_ms,
    serial: Annotated[
        bool, typer.Option(help="Work on one request at a time, as the daemon does.")
    ] = _DEFAULTS.is_serial,
    fault: Annotated[
        Fault | None, typer.Option(help="What goes wrong with forecasts.")
    ] = None,
    fault_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of forecasts that go wrong.")
    ] = _DEFAULTS.fault_rate,
    fault_latency_ms: Annotated[
        float, typer.Option(min=0, help="Extra time that the fault `latency` takes.")
    ] = _DEFAULTS.fault_latency_ms,
    bad_series: Annotated[
        list[str] | None,
        typer.Option(help="Series id that spoils its whole request; repeat for more."),
    ] = None,
    max_body_mb: Annotated[
        int, typer.Option(min=1, help="Largest body that is taken.")
    ] = _DEFAULTS.max_body_mb,
    seed: Annotated[
        int, typer.Option(help="Seed of the chance with which faults strike.")
    ] = _DEFAULTS.seed,
) -> None:
    """Serve a double of the tollama daemon until Ctrl-C or SIGTERM.

    Model `mock` repeats the last value; any other answers an EWMA band. One
    request alone goes wrong with the header `X-Fake-Fault: NAME` (or `none`), and
    takes its time with `X-Fake-Latency-Ms: N`.
    """
    options = FakeTollamaOptions(
        models=tuple(model or _DEFAULTS.models),
        api_key=api_key,
        generation=generation,
        latency_ms=latency_ms,
        is_serial=serial,
        fault=fault,
        fault_rate=fault_rate,
        fault_latency_ms=fault_latency_ms,
        bad_series=frozenset(bad_series or ()),
        max_body_mb=max_body_mb,
        seed=seed,
    )
    try:
        asyncio.run(_serve(options, host=host, port=port))
    except OSError as exc:
        typer.echo(f"cannot listen on {host}:{port}: {exc.strerror}", err=True)
        raise typer.Exit(1) from exc


async def _serve(options: FakeTollamaOptions, *, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_fake_tollama(options, host=host, port=port) as url:
        typer.echo(f"fake-tollama listens on {url} ({_description(options)})")
        await stop.wait()


def _description(options: FakeTollamaOptions) -> str:
    parts = [
        f"generation {options.generation}",
        f"models {', '.join(options.models)}",
        f"{options.latency_ms:g} ms a call",
        "one call at a time" if options.is_serial else "calls side by side",
    ]
    if options.fault is not None:
        parts.append(f"fault {options.fault} in {options.fault_rate:.0%} of calls")
    if options.bad_series:
        parts.append(f"bad series {', '.join(sorted(options.bad_series))}")
    return "; ".join(parts)
