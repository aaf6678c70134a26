"""What every command shares: global options, settings, errors, JSON on stdout."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeAlias

import typer

from tsfm_runner.adapters.settings import LoadedSettings, load_settings
from tsfm_runner.cli.exit_codes import exit_code_of
from tsfm_runner.errors import TsfmError

Parameters = ParamSpec("Parameters")

JsonFlag: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document.")
]

_NO_FLAGS: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options that stand before the name of the command."""

    config_file: Path | None


def load_for(
    context: typer.Context, flags: Mapping[str, object] = _NO_FLAGS
) -> LoadedSettings:
    """Load the settings for a command; ``flags`` by dotted name, None: not given."""
    invocation = context.find_object(Invocation) or Invocation(None)
    return load_settings(
        config_file=invocation.config_file, environ=os.environ, flags=flags
    )


def reported(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """End a command that meets an error of ours with one line and its exit code."""

    @wraps(command)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except TsfmError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(exit_code_of(error)) from error

    return wrapper


def print_json(document: Any, *, to_stderr: bool = False) -> None:  # noqa: ANN401
    """Print one JSON document; times and paths become text."""
    text = json.dumps(document, indent=2, default=str, allow_nan=False)
    typer.echo(text, err=to_stderr)


def print_json_line(document: Any, *, to_stderr: bool = False) -> None:  # noqa: ANN401
    """Print a JSON document that is one of many, on one line."""
    typer.echo(json.dumps(document, default=str, allow_nan=False), err=to_stderr)
