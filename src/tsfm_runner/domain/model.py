"""What is known of a model: its licence and what it can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tsfm_runner.domain.task import Provider, Space
from tsfm_runner.errors import ConfigurationError, ModelNotAllowedError

LicenceTag: TypeAlias = Literal["commercial_ok", "research_only", "unknown"]
Environment: TypeAlias = Literal["dev", "prod"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one model revision can do.

    ``quantile_levels`` is ``any``, ``none`` (a point forecast only) or the tuple
    of levels the model was trained for. A limit of None is no known limit. ``space``
    is the one that the model works in, whatever a task says; None: that of the task.
    """

    quantile_levels: Literal["any", "none"] | tuple[float, ...] = "any"
    max_context: int | None = None
    max_horizon: int | None = None
    past_covariates: bool = False
    future_covariates: bool = False
    max_series_per_call: int | None = None
    space: Space | None = None


@dataclass(frozen=True, slots=True)
class ModelRevision:
    """One revision of one model, as the registry describes it."""

    name: str
    provider: Provider
    family: str
    revision: str
    license_name: str
    license_tag: LicenceTag
    capabilities: Capabilities
    description: str = ""


@dataclass(frozen=True, slots=True)
class RuntimeModel:
    """One model as the runtime itself lists it."""

    name: str
    revision: str | None
    license_name: str | None
    is_installed: bool


@dataclass(frozen=True, slots=True)
class ModelRegistry:
    """Every model revision we know, and which of them this environment allows.

    In ``prod`` only models named in ``allowed`` are served, all of which must be
    ``commercial_ok``. In ``dev`` every model is.

    Raises
    ------
    ConfigurationError
        When ``prod`` allows a model that is unknown or not ``commercial_ok``.

    """

    environment: Environment
    models: Mapping[str, ModelRevision]
    allowed: frozenset[str]

    def __post_init__(self) -> None:
        """Refuse a production list that the licences do not permit."""
        if self.environment != "prod":
            return
        for name in sorted(self.allowed):
            model = self.models.get(name)
            if model is None:
                msg = f"environments.prod.allowed_models names {name!r}, no known model"
                raise ConfigurationError(msg)
            if model.license_tag != "commercial_ok":
                msg = (
                    f"environments.prod.allowed_models names {name!r}, which is "
                    f"{model.license_tag} ({model.license_name})"
                )
                raise ConfigurationError(msg)

    def is_allowed(self, name: str, revision: str | None = None) -> bool:
        """Return whether this environment serves the model in this revision."""
        if self.environment == "dev":
            return True
        if name not in self.allowed:
            return False
        return revision in (None, self.models[name].revision)

    def require_allowed(self, name: str, revision: str | None = None) -> None:
        """Raise ``ModelNotAllowedError`` unless the model may be served here."""
        if self.is_allowed(name, revision):
            return
        wanted = name if revision is None else f"{name} in revision {revision}"
        allowed = ", ".join(sorted(self.allowed)) or "none"
        msg = f"{wanted} is not allowed in {self.environment}; allowed are: {allowed}"
        raise ModelNotAllowedError(msg)
