"""What the commands for model files share: options, names, and what is told."""

import time
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

import typer

from tsfm_runner.adapters.model_registry import listed_models
from tsfm_runner.adapters.models import ModelStore, StoredModel, model_store
from tsfm_runner.adapters.models.adding import Candidate, try_candidate
from tsfm_runner.adapters.models.companion import Found
from tsfm_runner.cli.invocation import print_json
from tsfm_runner.config import Settings
from tsfm_runner.errors import ModelFileError, UnreadableInputError

NameOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Its name here; unset: the one it says itself.")
]
RevisionOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Its revision; unset: the one it says itself.")
]
LicenseOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--license", help="Name of its licence, as apache-2.0."),
]
LicenseTagOption: TypeAlias = Annotated[
    Literal["commercial_ok", "research_only"] | None,
    typer.Option(help="What its licence allows; unset: what it says itself."),
]
ReplaceFlag: TypeAlias = Annotated[
    bool,
    typer.Option("--replace", help="Take the place of the same name and revision."),
]


def said_of(
    name: str | None,
    revision: str | None,
    license_name: str | None,
    license_tag: str | None,
) -> dict[str, object]:
    """Return what the options say of a model, in the place of what it says itself."""
    said = {
        "name": name,
        "revision": revision,
        "license_name": license_name,
        "license_tag": license_tag,
    }
    return {fact: value for fact, value in said.items() if value is not None}


def store_of(settings: Settings) -> ModelStore:
    """Return where the models of these settings lie."""
    return model_store(settings.embedded.models_dir)


def names_of_others(settings: Settings) -> set[str]:
    """Return the names that no stored model may take: of the registry, of Chronos."""
    listed = listed_models(settings.models_file)
    others = {name for name, one in listed.items() if one.provider != "embedded"}
    return others | settings.chronos.models.keys()


def candidate_of(found: Found, said: dict[str, object], *, source: str) -> Candidate:
    """Try a file out; raise ``UnreadableInputError`` where it is no model for us."""
    told = found.companion.said() if found.companion else {}
    try:
        return try_candidate(
            found.content,
            said={**told, **said},
            known=found.known,
            source=source,
            added_at=datetime.fromtimestamp(time.time(), UTC),
        )
    except ModelFileError as exc:
        raise UnreadableInputError(f"{source}: {exc}") from exc


def tell_added(model: StoredModel, settings: Settings, *, as_json: bool) -> None:
    """Say what was stored, and what has to be set for it to be served."""
    manifest = model.manifest
    if as_json:
        facts = manifest.model_dump(mode="json", exclude={"schema_", "made_by"})
        print_json({"path": model.path, **facts})
        return
    typer.echo(
        f"{model.label}: {manifest.n_parameters:,} parameters, {manifest.n_bytes:,} "
        f"bytes, licence {manifest.license_name} ({manifest.license_tag})"
    )
    typer.echo(f"stored in {model.path}")
    if manifest.license_tag != "commercial_ok":
        typer.echo("environment prod does not serve it, for its licence", err=True)
    elif settings.environment == "prod":
        typer.echo(
            "environment prod serves it where environments.prod.allowed_models of "
            "models_file names it",
            err=True,
        )
    typer.echo(
        f"To be answered by it, set embedded.model to {manifest.name}: "
        f"export TSFM_EMBEDDED__MODEL={manifest.name}"
    )
