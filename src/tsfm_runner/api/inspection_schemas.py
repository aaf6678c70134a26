"""The words of the wire that tell how the service is."""

from typing import Literal

from typing_extensions import TypedDict


class ModelDescription(TypedDict):
    """One model of the registry."""

    name: str
    provider: str
    family: str
    revision: str
    license: str
    license_tag: str
    allowed: bool
    installed: bool | None
    quantile_levels: str | list[float]
    max_context: int | None
    max_horizon: int | None
    past_covariates: bool
    future_covariates: bool
    description: str


class ModelList(TypedDict):
    """Every model of the registry, and where."""

    environment: str
    models: list[ModelDescription]


class RuntimeHealth(TypedDict):
    """How one configured runtime is doing."""

    healthy: bool
    error: str | None
    registry_mismatches: list[str]


class Readiness(TypedDict):
    """Ready is always true while we serve; the mode says with what."""

    status: Literal["ready"]
    mode: Literal["models", "baseline_only"]
    runtimes: dict[str, RuntimeHealth]


class Liveness(TypedDict):
    """The process answers."""

    status: Literal["alive"]
