"""``models add``, ``verify`` and ``remove``: the files of models on this machine."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tsfm_runner.adapters.models import ModelStore
from tsfm_runner.adapters.models.adding import add_model, remove_models
from tsfm_runner.adapters.models.companion import read_local
from tsfm_runner.adapters.models.store import stored_model
from tsfm_runner.adapters.models.verifying import verify as verify_model
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.model_options import (
    LicenseOption,
    LicenseTagOption,
    NameOption,
    ReplaceFlag,
    RevisionOption,
    candidate_of,
    names_of_others,
    said_of,
    store_of,
    tell_added,
)
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.errors import InvalidTaskError, ModelFileError, UnreadableInputError


def add(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="ONNX file, or the folder of one and its manifest.")
    ],
    *,
    name: NameOption = None,
    revision: RevisionOption = None,
    license_name: LicenseOption = None,
    license_tag: LicenseTagOption = None,
    replace: ReplaceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Try an ONNX model of signature tsfm-1 out, and store it if it is sound.

    It is stored whole or not at all, with its checksum and what it answers now, which
    `models verify` holds it against later.
    """
    settings = load_for(context).settings
    store = store_of(settings)
    candidate = candidate_of(
        read_local(file),
        said_of(name, revision, license_name, license_tag),
        source=file.name,
    )
    others = names_of_others(settings)
    model = add_model(store, candidate, reserved=others, replace=replace)
    tell_added(model, settings, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Look:
    """How one stored model was found; ``problem`` is None where all is well."""

    name: str
    revision: str
    path: Path
    is_shipped: bool
    n_bytes: int | None = None
    n_parameters: int | None = None
    n_known_answers: int | None = None
    problem: str | None = None


def verify(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Models, as NAME or NAME@REVISION; none: all."
        ),
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Look at model files again: checksum, signature, answers; exit code 1 if bad."""
    store = store_of(load_for(context).settings)
    folders = [
        folder
        for folders in [_folders_of(store, name) for name in names or ()]
        for folder in folders
    ]
    console = Console(stderr=True)
    looks = [
        _look_at(folder, store)
        for folder in track(
            folders if names else store.folders(),
            "verifying",
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
    ]
    if as_json:
        print_json([asdict(look) for look in looks])
    else:
        Console().print(_table(looks))
        for problem in _problems(looks):
            typer.echo(problem)
    if any(look.problem for look in looks):
        raise typer.Exit(ExitCode.FAILED)


def remove(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Model, as NAME (every revision) or NAME@REVISION.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete files of your own models."""
    store = store_of(load_for(context).settings)
    stored = _folders_of(store, name)
    folders = [one for one in stored if one.parent.parent == store.own_dir]
    labels = [f"{folder.parent.name}@{folder.name}" for folder in folders]
    if not folders:
        raise InvalidTaskError(
            "name", f"{name!r} is shipped with the package and stays"
        )
    if not yes and not typer.confirm(f"Delete {', '.join(labels)}?", err=True):
        raise typer.Exit(ExitCode.FAILED)
    remove_models(store, folders)
    if as_json:
        print_json({"removed": labels})
    else:
        typer.echo(f"deleted {', '.join(labels)}")


def _folders_of(store: ModelStore, label: str) -> list[Path]:
    """Return the folders of a model; raise ``UnreadableInputError`` without any."""
    name, _, revision = label.partition("@")
    folders = [one for one in store.folders(name) if revision in {"", one.name}]
    if not folders:
        known = [f"{one.parent.name}@{one.name}" for one in store.folders()]
        raise UnreadableInputError(
            f"no model {label} is stored; there are: {', '.join(known) or 'none'}"
        )
    return folders


def _look_at(folder: Path, store: ModelStore) -> _Look:
    is_shipped = folder.parent.parent != store.own_dir
    place = folder.parent.name, folder.name, folder, is_shipped
    try:
        model = stored_model(folder)
    except ModelFileError as exc:
        return _Look(*place, problem=str(exc))
    n_bytes = model.manifest.n_bytes
    try:
        verified = verify_model(model)
    except ModelFileError as exc:
        return _Look(*place, n_bytes, problem=str(exc))
    return _Look(*place, n_bytes, *verified)


def _table(looks: list[_Look]) -> Table:
    sizes = ("bytes", "parameters", "known answers")
    table = plain_table("Model files", "model", "revision", "from", *sizes, "state")
    for look in looks:
        table.add_row(
            look.name,
            look.revision,
            "package" if look.is_shipped else "you",
            *map(_told, (look.n_bytes, look.n_parameters, look.n_known_answers)),
            "[red]bad[/]" if look.problem else "ok",
        )
    return table


def _told(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _problems(looks: list[_Look]) -> Iterator[str]:
    for look in looks:
        if look.problem:
            yield f"{look.name}@{look.revision}: {look.problem}"
