"""The models that the double can have, and how the daemon lists them."""

from dataclasses import dataclass
from typing import Any

_NOTICE = "Non-commercial; research-only weight license."


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """One model that can be pulled."""

    name: str
    family: str
    license_name: str
    repository: str
    takes_covariates: bool
    needs_acceptance: bool = False


_KNOWN = (
    CatalogModel("chronos2", "torch", "apache-2.0", "amazon/chronos-2", True),
    CatalogModel("mock", "mock", "mit", "tollama/mock-runner", False),
    CatalogModel(
        "timesfm-2.5-200m",
        "timesfm",
        "apache-2.0",
        "google/timesfm-2.5-200m-pytorch",
        True,
    ),
    CatalogModel(
        "moirai-2.0-R-small",
        "uni2ts",
        "cc-by-nc-4.0",
        "Salesforce/moirai-2.0-R-small",
        True,
        needs_acceptance=True,
    ),
)
_BY_NAME = {model.name: model for model in _KNOWN}


def known_models() -> tuple[CatalogModel, ...]:
    """Return every model that can be pulled."""
    return _KNOWN


def find_model(name: str) -> CatalogModel | None:
    """Return the model of that name, if it can be pulled."""
    return _BY_NAME.get(name)


def described(name: str) -> CatalogModel:
    """Return what is told of an installed model; any name can be installed."""
    return find_model(name) or CatalogModel(
        name, "torch", "apache-2.0", f"local/{name}", takes_covariates=True
    )


def listing(model: CatalogModel, *, is_installed: bool) -> dict[str, Any]:
    """Return one entry of ``/v1/models``."""
    is_accepted = is_installed or not model.needs_acceptance
    license_ = {
        "type": model.license_name,
        "needs_acceptance": model.needs_acceptance,
        "accepted": is_accepted,
    }
    if model.needs_acceptance:
        license_["notice"] = _NOTICE
    kinds = ("past_covariates", "future_covariates")
    capabilities = {
        f"{kind}_{values}": model.takes_covariates
        for kind in kinds
        for values in ("numeric", "categorical")
    }
    return {
        "name": model.name,
        "family": model.family,
        "installed": is_installed,
        "license": license_,
        "source": source(model),
        "metadata": {},
        "capabilities": {**capabilities, "static_covariates": False},
    }


def source(model: CatalogModel) -> dict[str, str]:
    """Return where a model comes from."""
    return {
        "type": "local" if model.family == "mock" else "huggingface",
        "repo_id": model.repository,
        "revision": "main",
    }
