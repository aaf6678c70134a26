"""``models``: what the registry knows, what may be served, what is installed."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import Settings
from tsfm_runner.domain.model import Capabilities
from tsfm_runner.service.catalogue import ModelEntry

_YES_NO = {True: "yes", False: "[red]no[/]", None: "[dim]-[/]"}


def models(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List every model: licence, capabilities, allowed here, installed."""
    settings = load_for(context).settings
    entries = asyncio.run(_entries(settings))
    if as_json:
        print_json([_plain(entry) for entry in entries])
        return
    Console().print(_table(entries, settings.environment))


async def _entries(settings: Settings) -> list[ModelEntry]:
    async with open_backend(settings) as backend:
        return await backend.catalogue.entries()


def _plain(entry: ModelEntry) -> dict[str, object]:
    return {
        **asdict(entry.model),
        "is_allowed": entry.is_allowed,
        "is_installed": entry.is_installed,
    }


def _table(entries: list[ModelEntry], environment: str) -> Table:
    table = plain_table(
        f"Models in {environment}",
        *("name", "provider", "licence", "allowed", "installed", "can do"),
    )
    for column in table.columns[:-1]:
        column.no_wrap = True
    for entry in entries:
        model = entry.model
        colour = "default" if model.license_tag == "commercial_ok" else "yellow"
        table.add_row(
            model.name,
            model.provider,
            f"{model.license_name}\n[{colour}]{model.license_tag}[/]",
            _YES_NO[entry.is_allowed],
            _YES_NO[entry.is_installed],
            ", ".join(_abilities(model.capabilities)),
        )
    return table


def _abilities(can: Capabilities) -> Iterator[str]:
    levels = can.quantile_levels
    if levels == "none":
        yield "no quantiles"
    else:
        yield "any level" if levels == "any" else f"{len(levels)} levels"
    if can.max_context is not None:
        yield f"{can.max_context:,} points"
    if can.max_horizon is not None:
        yield f"{can.max_horizon} steps"
    if can.past_covariates:
        yield "covariates" if can.future_covariates else "past covariates"
