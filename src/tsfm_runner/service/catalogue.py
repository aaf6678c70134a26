"""What models there are, which may be served, and how the runtimes are."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.model import ModelRegistry, ModelRevision, RuntimeModel
from tsfm_runner.errors import ForecastRuntimeError
from tsfm_runner.ports import ForecastRuntime
from tsfm_runner.service.licensing import find_mismatches


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model: what we know, whether it may be served, whether it is there.

    ``is_installed`` is None where no runtime could be asked.
    """

    model: ModelRevision
    is_allowed: bool
    is_installed: bool | None


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """How one configured runtime is doing.

    ``error`` is None when it answers; ``mismatches`` says where its own listing
    differs from our registry.
    """

    rung: Rung
    error: str | None
    mismatches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Answers questions about models and runtimes, asking the runtimes anew."""

    registry: ModelRegistry
    runtimes: Mapping[Rung, ForecastRuntime]
    timeout_s: float

    async def entries(self) -> list[ModelEntry]:
        """Return every model of the registry, and whether a runtime has it."""
        return await self._entries(self.runtimes)

    async def local_entries(self) -> list[ModelEntry]:
        """Return the models that may be served and need no other service for it."""
        entries = await self._entries(self.runtimes.keys() - {"tollama"})
        return [
            entry
            for entry in entries
            if entry.model.provider != "tollama"
            and entry.is_allowed
            and entry.is_installed
        ]

    async def _entries(self, rungs: Iterable[Rung]) -> list[ModelEntry]:
        installed: dict[str, bool] = {}
        for rung in rungs:
            listed = await self._listed(rung)
            if not isinstance(listed, str):
                installed |= {model.name: model.is_installed for model in listed}
        return [
            ModelEntry(
                model,
                is_allowed=model.provider == "baseline"
                or self.registry.is_allowed(model.name),
                is_installed=True
                if model.provider == "baseline"
                else installed.get(model.name),
            )
            for model in self.registry.models.values()
        ]

    async def statuses(self) -> list[RuntimeStatus]:
        """Return how each configured runtime is doing, best rung first."""
        return list(await asyncio.gather(*map(self._status, self.runtimes)))

    async def _status(self, rung: Rung) -> RuntimeStatus:
        try:
            await self.runtimes[rung].check_health(timeout_s=self.timeout_s)
        except ForecastRuntimeError as failure:
            return RuntimeStatus(rung, str(failure), ())
        listed = await self._listed(rung)
        if isinstance(listed, str):
            return RuntimeStatus(rung, listed, ())
        mismatches = find_mismatches(self.registry, listed)
        return RuntimeStatus(rung, None, tuple(mismatches))

    async def _listed(self, rung: Rung) -> list[RuntimeModel] | str:
        """Return the runtime's own list of models, or why there is none."""
        try:
            return await self.runtimes[rung].list_models(timeout_s=self.timeout_s)
        except ForecastRuntimeError as failure:
            return str(failure)
