"""``models``: what the registry knows, what may be served, what is installed."""

import asyncio
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import Settings
from tsfm_runner.domain.model import LicenceTag
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.catalogue import ModelEntry

_USES: dict[LicenceTag, str] = {
    "commercial_ok": "commercial",
    "research_only": "[yellow]research[/]",
    "unknown": "[yellow]unknown[/]",
}
_YES_NO = {True: "yes", False: "[red]no[/]", None: "[dim]-[/]"}


def models(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List every model, or work on files of your own ones."""
    if context.invoked_subcommand is None:
        list_models(context, as_json=as_json)
    elif as_json:
        raise InvalidTaskError("--json", f"belongs after {context.invoked_subcommand}")


def list_models(context: typer.Context, *, as_json: JsonFlag = False) -> None:
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
        *("name", "licence", "use", "allowed", "installed", "levels"),
    )
    table.caption = "--json tells the rest: provider, revision, limits, covariates."
    table.caption_justify = "left"
    for column in table.columns[1:]:
        column.no_wrap = True
    for entry in entries:
        model = entry.model
        levels = model.capabilities.quantile_levels
        table.add_row(
            model.name,
            model.license_name,
            _USES[model.license_tag],
            _YES_NO[entry.is_allowed],
            _YES_NO[entry.is_installed],
            levels if isinstance(levels, str) else str(len(levels)),
        )
    return table
