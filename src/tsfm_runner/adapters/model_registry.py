"""Load the model registry: which models we know, their licences, what prod allows."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tsfm_runner.adapters.askable_levels import askable
from tsfm_runner.adapters.settings import PACKAGED_CONFIGS
from tsfm_runner.adapters.text_file import read_mapping
from tsfm_runner.config import BaselineMethod
from tsfm_runner.domain.model import (
    Capabilities,
    Environment,
    ModelRegistry,
    ModelRevision,
)
from tsfm_runner.domain.task import MAX_LEVEL, MIN_LEVEL
from tsfm_runner.errors import ConfigurationError

PACKAGED_REGISTRY = PACKAGED_CONFIGS / "tsfm_models.yaml"

_Count = Annotated[int, Field(ge=1)]
_Level = Annotated[float, Field(ge=MIN_LEVEL, le=MAX_LEVEL)]
_Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    """A part of the registry file; a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Capabilities(_Entry):
    quantile_levels: (
        Literal["any", "none"]
        | Annotated[tuple[_Level, ...], Field(min_length=2), AfterValidator(askable)]
    )
    max_context: _Count | None = None
    max_horizon: _Count | None = None
    past_covariates: bool = False
    future_covariates: bool = False
    max_series_per_call: _Count | None = None
    space: Literal["logit", "identity"] | None = None


class _Model(_Entry):
    provider: Literal["tollama", "embedded", "baseline"]
    family: _Text
    revision: _Text
    license_name: _Text
    license_tag: Literal["commercial_ok", "research_only"]
    capabilities: _Capabilities
    description: str = ""


class _Policy(_Entry):
    allowed_models: tuple[_Text, ...]


class _Environments(_Entry):
    prod: _Policy


class _RegistryFile(_Entry):
    environments: _Environments
    models: Mapping[_Text, _Model]


def load_registry(
    path: Path | None,
    environment: Environment,
    own_models: Iterable[ModelRevision] = (),
) -> ModelRegistry:
    """Read the registry; without a path, the one that is shipped with the package.

    ``own_models`` are those that run in our own process. What the file says of the
    licence of one of them holds for the revision that it names. The production list
    is checked in every environment, so that a licence it may not name is found on the
    developer's machine and not in production.

    Raises ``ConfigurationError`` when the file cannot be used, or when it lets
    ``prod`` serve a model that is unknown or not ``commercial_ok``.
    """
    path = path or PACKAGED_REGISTRY
    file = _parsed(path)
    listed = {name: _revision(name, model) for name, model in file.models.items()}
    _require_baselines(listed, path)
    own = {model.name: model for model in own_models}
    allowed = frozenset(file.environments.prod.allowed_models)
    ModelRegistry("prod", own | listed, allowed)  # refuses what it must not allow
    models = listed | {
        name: _joined(listed.get(name), model, path) for name, model in own.items()
    }
    if environment == "prod":
        return ModelRegistry(environment, models, allowed)
    return ModelRegistry(environment, models, frozenset(models))


def listed_models(path: Path | None) -> dict[str, ModelRevision]:
    """Return the models that the file itself lists, whatever ``prod`` may serve."""
    file = _parsed(path or PACKAGED_REGISTRY)
    return {name: _revision(name, model) for name, model in file.models.items()}


def _parsed(path: Path) -> _RegistryFile:
    try:
        return _RegistryFile.model_validate(read_mapping(path))
    except ValidationError as exc:
        told = "; ".join(
            f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
            for error in exc.errors(include_url=False, include_context=False)
        )
        raise ConfigurationError(f"{path}: {told}") from exc


def _revision(name: str, model: _Model) -> ModelRevision:
    return ModelRevision(
        name=name,
        capabilities=Capabilities(**model.capabilities.model_dump()),
        **model.model_dump(exclude={"capabilities"}),
    )


def _joined(
    listed: ModelRevision | None, own: ModelRevision, path: Path
) -> ModelRevision:
    """Return a model of our own process with what the file says of its licence."""
    if listed is None:
        return own
    if listed.provider != own.provider:
        raise ConfigurationError(
            f"{path}: {own.name} is a model of {listed.provider}, and one that runs in "
            "the process has the same name; one of them needs another name"
        )
    if listed.revision != own.revision:
        return own
    if (own.license_tag, listed.license_tag) == ("research_only", "commercial_ok"):
        raise ConfigurationError(
            f"{path}: {own.name} is commercial_ok, and its file says research_only; if "
            "the file is wrong, add it again with --license-tag"
        )
    return replace(listed, family=own.family, capabilities=own.capabilities)


def _require_baselines(models: Mapping[str, ModelRevision], path: Path) -> None:
    """Refuse a registry without the baselines, which answer when no model does."""
    for method in get_args(BaselineMethod):
        if method not in models or models[method].provider != "baseline":
            raise ConfigurationError(f"{path}: models must name the baseline {method}")
