"""The models that are served in tollama's words: those that need no other service."""

from typing import NamedTuple

from tsfm_runner.api.problems import ProblemError
from tsfm_runner.api.tollama.errors import not_installed
from tsfm_runner.domain.model import Capabilities, ModelRegistry, ModelRevision
from tsfm_runner.domain.task import MAX_HORIZON, ModelChoice
from tsfm_runner.service.catalogue import Catalogue

LADDER = "tsfm-runner"
"""The name under which the service answers as it does on its own routes."""


class ServedModel(NamedTuple):
    """A model as clients ask for it, and the choice that it stands for."""

    model: ModelRevision
    choice: ModelChoice


def _ladder(registry: ModelRegistry) -> ServedModel:
    """Return the ladder; in ``prod`` no model on it has a licence that forbids use."""
    model = ModelRevision(
        name=LADDER,
        provider="auto",
        family=LADDER,
        revision="1",
        license_name="apache-2.0",
        license_tag="commercial_ok" if registry.environment == "prod" else "unknown",
        capabilities=Capabilities(max_horizon=MAX_HORIZON),
        description="The service's ladder of models, as its own routes answer.",
    )
    return ServedModel(model, ModelChoice())


async def served_models(catalogue: Catalogue) -> dict[str, ServedModel]:
    """Return every model that can be asked for, by name; the ladder stands first."""
    served = {LADDER: _ladder(catalogue.registry)}
    for entry in await catalogue.local_entries():
        model = entry.model
        choice = ModelChoice(model.provider, model.name)
        served.setdefault(model.name, ServedModel(model, choice))
    return served


async def find_model(catalogue: Catalogue, name: str) -> ServedModel:
    """Return the model of that name; raise ``ProblemError`` where there is none."""
    served = (await served_models(catalogue)).get(name)
    if served is None:
        raise ProblemError(not_installed(name))
    return served
