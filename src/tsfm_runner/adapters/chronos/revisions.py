"""What the registry is told of the Chronos models that the settings name."""

from tsfm_runner.adapters.chronos.checkpoint import (
    Checkpoint,
    find_checkpoints,
    is_hub_name,
)
from tsfm_runner.config import ChronosConfig, ChronosModelConfig
from tsfm_runner.domain.model import Capabilities, LicenceTag, ModelRevision

FAMILY = "chronos"

_UNKNOWN: tuple[str, LicenceTag] = ("unknown", "unknown")
_OWNERS_NAMES = "amazon/chronos-"
_OWNERS_LICENCE: tuple[str, LicenceTag] = ("apache-2.0", "commercial_ok")
_TITLES = {"Chronos2Pipeline": "Chronos-2", "ChronosBoltPipeline": "Chronos-Bolt"}


def chronos_revisions(config: ChronosConfig) -> list[ModelRevision]:
    """Return the models as the registry describes them; none is loaded for it.

    Raises ``ConfigurationError`` where one of them cannot be used.
    """
    return [describe(found, config) for found in find_checkpoints(config)]


def describe(found: Checkpoint, config: ChronosConfig) -> ModelRevision:
    """Return what a checkpoint is and can do, and under which licence."""
    model = config.models[found.name]
    license_name, license_tag = _licence(model)
    takes_covariates = found.kind == "Chronos2Pipeline"
    # A folder is nobody's business but its owner's; names on the hub are public.
    place = model.source if is_hub_name(model.source) else "a folder"
    return ModelRevision(
        name=found.name,
        provider="embedded",
        family=FAMILY,
        revision=found.revision,
        license_name=license_name,
        license_tag=license_tag,
        capabilities=Capabilities(
            quantile_levels=found.quantile_levels,
            max_context=found.context_length,
            past_covariates=takes_covariates,
            future_covariates=takes_covariates,
            max_series_per_call=config.batch_size,
        ),
        description=f"{_TITLES[found.kind]} from {place}, in this process.",
    )


def _licence(model: ChronosModelConfig) -> tuple[str, LicenceTag]:
    if model.license_name is not None and model.license_tag is not None:
        return model.license_name, model.license_tag
    is_owners = is_hub_name(model.source) and model.source.startswith(_OWNERS_NAMES)
    return _OWNERS_LICENCE if is_owners else _UNKNOWN
