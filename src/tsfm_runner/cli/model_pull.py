"""``models pull``: fetch a model file, or let the daemon install one of its models."""

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from tsfm_runner.adapters.download import public_name
from tsfm_runner.adapters.model_registry import listed_models
from tsfm_runner.adapters.models.adding import add_model
from tsfm_runner.adapters.models.companion import (
    Found,
    read_bounded,
    read_local,
    require_checksum,
)
from tsfm_runner.adapters.models.manifest import MAX_MODEL_BYTES, MODEL_FILE
from tsfm_runner.adapters.models.pulling import download, fetch_companion, is_address
from tsfm_runner.adapters.tollama import open_session
from tsfm_runner.adapters.tollama.pulling import Told, install
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
from tsfm_runner.config import Settings, TollamaConfig
from tsfm_runner.domain.model import LicenceTag, ModelRevision
from tsfm_runner.errors import (
    ConfigurationError,
    InvalidTaskError,
    ModelNotAllowedError,
    UnreadableInputError,
)

_CONNECT_S = 10.0
_SILENCE_S = 60.0


def pull(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="Address of an ONNX file (http or https), a file or folder here, or a "
            "model of tollama."
        ),
    ],
    *,
    sha256: Annotated[
        str | None,
        typer.Option(
            help="Checksum that the file must have; unset: the one that stands beside "
            "it, at the same https address with .json after it."
        ),
    ] = None,
    accept_license: Annotated[
        bool,
        typer.Option(
            "--accept-license",
            help="Take a licence that is not known to allow commercial use.",
        ),
    ] = False,
    name: NameOption = None,
    revision: RevisionOption = None,
    license_name: LicenseOption = None,
    license_tag: LicenseTagOption = None,
    replace: ReplaceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Fetch a model file, check it, try it out and store it, as `models add` does.

    A name of the registry whose runtime is tollama is installed by the daemon.
    """
    settings = load_for(context).settings
    said = said_of(name, revision, license_name, license_tag)
    known = listed_models(settings.models_file).get(source)
    if known is not None and known.provider == "tollama":
        if said or sha256 or replace:
            raise InvalidTaskError(
                "source", f"{source!r} is no file: only --accept-license goes with it"
            )
        _pull_known(settings, known, is_accepted=accept_license, as_json=as_json)
        return
    store = store_of(settings)
    candidate = candidate_of(_found(source, sha256), said, source=_place(source))
    manifest = candidate.manifest
    _require_accepted(
        candidate.label,
        manifest.license_name,
        manifest.license_tag,
        is_accepted=accept_license,
    )
    others = names_of_others(settings)
    model = add_model(store, candidate, reserved=others, replace=replace)
    tell_added(model, settings, as_json=as_json)


def _require_accepted(
    name: str, license_name: str, tag: LicenceTag, *, is_accepted: bool
) -> None:
    if tag != "commercial_ok" and not is_accepted:
        raise ModelNotAllowedError(
            f"{name} has the licence {license_name} ({tag}); if it lets you use it, "
            "say --accept-license"
        )


def _place(source: str) -> str:
    return public_name(source) if is_address(source) else Path(source).name


def _found(source: str, sha256: str | None) -> Found:
    """Return the file, whose checksum was compared where one is told."""
    expected = None if sha256 is None else sha256.strip().lower()
    if is_address(source):
        return asyncio.run(_fetched(source, expected))
    if not os.access(source, os.F_OK):
        raise UnreadableInputError(
            f"{source} is no address, no file here, and no model of tollama that the "
            "registry knows"
        )
    found = read_local(Path(source))
    if expected is not None:
        require_checksum(found.content, expected, place=source)
    return found


async def _fetched(address: str, sha256: str | None) -> Found:
    place = public_name(address)
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S
    )
    async with aiohttp.ClientSession(timeout=timeout) as session:
        companion = await fetch_companion(session, address)
        expected = sha256 or (companion.sha256 if companion else None)
        if expected is None:
            raise InvalidTaskError(
                "sha256", f"is needed: nothing trusted beside {place} tells it"
            )
        with TemporaryDirectory() as folder, _bar() as bar:
            path = Path(folder) / MODEL_FILE
            task = bar.add_task(place, total=None)

            def tell(n_bytes: int, n_all: int | None) -> None:
                bar.update(task, completed=n_bytes, total=n_all)

            await download(session, address, path, max_bytes=MAX_MODEL_BYTES, tell=tell)
            content = read_bounded(path, max_bytes=MAX_MODEL_BYTES)
    require_checksum(content, expected, place=place)
    return Found(content, companion, known=None)


def _pull_known(
    settings: Settings, model: ModelRevision, *, is_accepted: bool, as_json: bool
) -> None:
    _require_accepted(
        model.name, model.license_name, model.license_tag, is_accepted=is_accepted
    )
    if settings.tollama.url is None:
        raise ConfigurationError(
            f"{model.name} is a model of tollama, and tollama.url names no daemon"
        )
    asyncio.run(_pull_from(settings.tollama, model.name, is_accepted=is_accepted))
    if as_json:
        print_json({"name": model.name, "runtime": "tollama", "status": "success"})
    else:
        typer.echo(f"tollama has {model.name}")


async def _pull_from(config: TollamaConfig, name: str, *, is_accepted: bool) -> None:
    token = config.token.get_secret_value() if config.token else None
    async with open_session(str(config.url), token=token) as session:
        with _bar() as bar:
            task = bar.add_task(name, total=None)

            def tell(told: Told) -> None:
                bar.update(
                    task,
                    description=f"{name}: {told.status}",
                    completed=told.n_bytes or 0,
                    total=told.n_bytes_all,
                )

            await install(session, name, accepts_license=is_accepted, tell=tell)


@contextmanager
def _bar() -> Generator[Progress]:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield bar
