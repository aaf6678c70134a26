"""Finds and opens the models that run in our own process."""

from contextlib import AsyncExitStack

from tsfm_runner.adapters.chronos import chronos_revisions, open_chronos
from tsfm_runner.adapters.embedded import (
    EmbeddedModel,
    EmbeddedRuntime,
    InProcessRuntime,
    open_model,
)
from tsfm_runner.adapters.models import ModelManifest, StoredModel, model_store
from tsfm_runner.config import ChronosConfig, Settings
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.domain.model import Capabilities, ModelRegistry, ModelRevision
from tsfm_runner.domain.task import MAX_HORIZON
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import ForecastRuntime

_FAMILY = "tsfm"


def own_models(settings: Settings) -> list[ModelRevision]:
    """Return the models that run in here, as a registry describes them.

    Raises ``ConfigurationError`` for one that cannot be read.
    """
    if not settings.embedded.enabled:
        return []
    stored = [_revision(stored.manifest) for stored in stored_models(settings)]
    names = {model.name for model in stored}
    if clash := sorted(names & settings.chronos.models.keys()):
        raise ConfigurationError(
            f"chronos.models names {', '.join(clash)}, which is a stored model already"
        )
    return [*stored, *chronos_revisions(settings.chronos)]


def stored_models(settings: Settings) -> list[StoredModel]:
    """Return each model that is stored, in the revision that was added last."""
    return model_store(settings.embedded.models_dir).newest()


async def open_embedded(
    held: AsyncExitStack, settings: Settings, registry: ModelRegistry
) -> ForecastRuntime:
    """Return the runtime of all models that run in here and may be served.

    What is held closes it. Raises ``ModelFileError`` for a model whose file is
    damaged, and ``ConfigurationError`` where the model of the settings is not there
    or one of Chronos cannot be loaded.
    """
    models = opened_models(settings, registry)
    runtime = held.enter_context(EmbeddedRuntime(models))
    by_model: dict[str, ForecastRuntime] = dict.fromkeys(models, runtime)
    by_model |= await _open_chronos(held, settings.chronos, registry)
    name = settings.embedded.model
    if name not in by_model:
        known = ", ".join(by_model) or "none"
        raise ConfigurationError(
            f"embedded.model is {name}, which does not run in here; there are: {known}"
        )
    return InProcessRuntime(by_model)


async def _open_chronos(
    held: AsyncExitStack, config: ChronosConfig, registry: ModelRegistry
) -> dict[str, ForecastRuntime]:
    """Return the runtime of each Chronos model that may be served, by its name."""
    models = {
        name: model
        for name, model in config.models.items()
        if registry.is_allowed(name)
    }
    if not models:
        return {}
    allowed = config.model_copy(update={"models": models})
    runtime = await held.enter_async_context(open_chronos(allowed))
    return dict.fromkeys(models, runtime)


def opened_models(
    settings: Settings, registry: ModelRegistry
) -> dict[str, EmbeddedModel]:
    """Return each stored model that may be served, by its name."""
    return {
        stored.manifest.name: open_model(stored, threads=settings.embedded.threads)
        for stored in stored_models(settings)
        if registry.is_allowed(stored.manifest.name, stored.manifest.revision)
    }


def _revision(manifest: ModelManifest) -> ModelRevision:
    return ModelRevision(
        name=manifest.name,
        provider="embedded",
        family=_FAMILY,
        revision=manifest.revision,
        license_name=manifest.license_name,
        license_tag=manifest.license_tag,
        capabilities=Capabilities(
            quantile_levels=manifest.quantile_levels,
            max_context=CONTEXT_STEPS,
            max_horizon=MAX_HORIZON,
            space="identity",
        ),
        description=manifest.description,
    )
