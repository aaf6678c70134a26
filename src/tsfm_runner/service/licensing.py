"""Hold our registry against what a runtime says of its own models."""

from collections.abc import Iterable

from tsfm_runner.domain.model import ModelRegistry, RuntimeModel


def find_mismatches(
    registry: ModelRegistry, runtime_models: Iterable[RuntimeModel]
) -> list[str]:
    """Return one sentence for each installed model that differs from the registry."""
    return [
        sentence
        for model in runtime_models
        if model.is_installed
        for sentence in _differences(registry, model)
    ]


def _differences(registry: ModelRegistry, model: RuntimeModel) -> Iterable[str]:
    known = registry.models.get(model.name)
    if known is None:
        yield f"{model.name} is installed but stands in no registry"
        return
    theirs = model.license_name
    if theirs is not None and theirs.lower() != known.license_name.lower():
        yield f"{model.name}: runtime says {theirs}, registry {known.license_name}"
    if model.revision not in (None, known.revision):
        yield f"{model.name}: runtime has {model.revision}, registry {known.revision}"
