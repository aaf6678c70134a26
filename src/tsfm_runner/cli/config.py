"""``config explain``: each setting, its value, where it came from, what it means."""

import json
from collections.abc import Mapping, Sequence

import typer
from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from tsfm_runner.adapters.setting_tree import Setting, list_settings, value_of
from tsfm_runner.adapters.settings import LoadedSettings
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json

_MASK = "**********"


def explain(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Show every setting: value (secrets masked), where it came from, meaning."""
    loaded = load_for(context)
    rows = [_row(setting, loaded) for setting in list_settings().values()]
    if as_json:
        print_json(rows)
        return
    Console().print(_tree(rows))


def _row(setting: Setting, loaded: LoadedSettings) -> dict[str, object]:
    return {
        "name": setting.name,
        "value": _shown(value_of(loaded.settings, setting.name)),
        "origin": loaded.origins[setting.name],
        "description": setting.description,
    }


def _shown(value: object) -> object:
    """Return the value as JSON can hold it, with every secret masked."""
    if isinstance(value, SecretStr):
        return _MASK
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return (
        value if value is None or isinstance(value, bool | int | float) else str(value)
    )


def _tree(rows: Sequence[Mapping[str, object]]) -> Tree:
    """Return the settings by section, each with its meaning on a line of its own."""
    tree = Tree("[bold]settings[/]")
    sections: dict[str, Tree] = {"": tree}
    for row in rows:
        section, _, name = str(row["name"]).rpartition(".")
        if section not in sections:
            sections[section] = tree.add(Text(section, style="bold"))
        value, origin = row["value"], str(row["origin"])
        line = Text.assemble(
            f"{name} = ",
            (value if isinstance(value, str) else json.dumps(value), "cyan"),
            (f"  {origin}", "dim" if origin == "default" else "green"),
            (f"\n{row['description']}", "dim"),
        )
        sections[section].add(line)
    return tree
