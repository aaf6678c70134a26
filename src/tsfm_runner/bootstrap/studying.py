"""Builds what a study asks: its design, its models, and who does the work."""

import asyncio
import hashlib
import json
import pickle
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.adapters.ray_workers import RayWorkers
from tsfm_runner.bootstrap.backend import open_backend
from tsfm_runner.bootstrap.calibration import load_har_table, load_priors
from tsfm_runner.bootstrap.drawing_embedded import embedded_model
from tsfm_runner.bootstrap.embedded import stored_models
from tsfm_runner.bootstrap.tools import checked_registry
from tsfm_runner.config import CacheConfig, Settings, StoreConfig
from tsfm_runner.core.arrays import IntArray
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.domain.task import ForecastTask, ModelChoice, Transform
from tsfm_runner.errors import ConfigurationError, InvalidTaskError
from tsfm_runner.evaluation.design import LADDER, Design, Model, Part, frequency_of
from tsfm_runner.evaluation.document import DataTold, manifest_of
from tsfm_runner.evaluation.drawing import baseline, panel_of, told_contexts, windows_of
from tsfm_runner.evaluation.panel import Origins, Panel, Windows, as_told, origins_of
from tsfm_runner.evaluation.study import Plan
from tsfm_runner.ports import Workers
from tsfm_runner.service.grouping import chunks
from tsfm_runner.service.routing import BASELINE_METHODS

_Drawn: TypeAlias = dict[str, npt.NDArray[Any]]

_TOGETHER = 256
_DECIMALS = 9  # 0.1 + 0.2 is a level too
_PATIENCE_S = 600.0  # a study waits: what a model can do is asked, not how fast


def make_design(
    settings: Settings, *, horizon: int, quantile_levels: tuple[float, ...]
) -> Design:
    """Return the design of a study by the service's own settings and constants."""
    if not settings.calibration.enabled:
        raise ConfigurationError(
            "calibration.enabled is false: there are no calibrated bands to study"
        )
    levels = tuple(round(float(level), _DECIMALS) for level in quantile_levels)
    return Design(horizon, levels, settings, load_har_table(), load_priors())


def make_models(settings: Settings, choices: Sequence[ModelChoice]) -> list[Model]:
    """Return models to be studied: baselines, models of runtimes, or the ladder.

    A choice of the provider ``auto`` without a name is the ladder. Raises
    ``ConfigurationError`` for a model that nothing here could answer for, and
    ``ModelNotAllowedError`` where the licence policy says no, and
    ``InvalidTaskError`` for two of the same name, which nobody could tell apart.
    """
    registry = checked_registry(settings)
    models = [_model(settings, registry, choice) for choice in choices]
    [(name, count)] = Counter(model.name for model in models).most_common(1)
    if count > 1:
        raise InvalidTaskError("model", f"must not name {name} twice")
    return models


def _model(settings: Settings, registry: ModelRegistry, choice: ModelChoice) -> Model:
    if choice.provider == "baseline" and choice.name is None:
        choice = replace(choice, name=settings.routing.baseline_method)
    if choice.name in BASELINE_METHODS and choice.provider in ("auto", "baseline"):
        return baseline(choice.name, registry.models[choice.name].revision)
    name = choice.name or _default(settings, choice)
    _require_answerable(settings, registry, choice, name)
    if name != LADDER:
        registry.require_allowed(name, choice.version)
    if _runs_here(registry, choice, name) and name in _stored(settings):
        method = settings.routing.baseline_method
        baseline_model = method, registry.models[method].revision
        return embedded_model(settings, name, choice.version, baseline_model)
    known = registry.models.get(name)
    revision = choice.version or (known.revision if known else "unknown")
    asked = replace(
        choice,
        name=None if name == LADDER else name,
        params=dict(choice.params),  # which can be pickled
    )
    draw = partial(draw_served, choice=asked, own=(name, revision))
    return Model(name, revision, is_baseline=False, draw=draw)


def _default(settings: Settings, choice: ModelChoice) -> str:
    if choice.provider == "auto":
        return LADDER
    if choice.provider == "embedded":
        return settings.embedded.model
    return settings.tollama.model


def _runs_here(registry: ModelRegistry, choice: ModelChoice, name: str) -> bool:
    """Whether the model runs in our own process: as asked for, or as it is known."""
    known = registry.models.get(name)
    is_own = known is not None and known.provider == "embedded"
    return choice.provider == "embedded" or (choice.provider == "auto" and is_own)


def _stored(settings: Settings) -> set[str]:
    return {stored.manifest.name for stored in stored_models(settings)}


def _require_answerable(
    settings: Settings, registry: ModelRegistry, choice: ModelChoice, name: str
) -> None:
    """Raise ``ConfigurationError`` where no rung that is configured has the model."""
    has_tollama, has_own = settings.tollama.url is not None, settings.embedded.enabled
    if name == LADDER:
        missing = "" if has_tollama or has_own else "no runtime is configured"
    elif _runs_here(registry, choice, name):
        missing = "" if has_own else "embedded.enabled is false"
    else:
        missing = "" if has_tollama else "tollama.url is not set"
    if missing:
        raise ConfigurationError(f"{missing}: nothing answers for {name}")


def open_workers(
    *, ray: str | None, n_workers: int | None
) -> AbstractContextManager[Workers]:
    """Return who does the work: processes of this machine, or a Ray cluster."""
    if ray is None:
        return LocalWorkers(n_workers)
    return RayWorkers(ray, n_workers=n_workers)


def fingerprint_of(plan: Plan, data: DataTold) -> str:
    """Return what names a study: all that its results depend on."""
    settings = plan.design.settings.model_dump(mode="json")
    served = [model for model in plan.models if not model.is_baseline]
    document = (
        manifest_of(plan, data),
        plan.keeps_bands,
        [
            (part.name, [market.market_id for market in part.markets])
            for part in plan.parts  # the step of a market may be listed, not recorded
        ],
        [model.name for model in plan.models],  # units go by their places
        settings if served else None,
        [pickle.dumps(model.draw).hex() for model in served],
    )
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def draw_served(
    part: Part, design: Design, *, choice: ModelChoice, own: tuple[str, str]
) -> _Drawn:
    """Return the raw bands that the service answers at every origin of a part.

    See `Model.draw`. The service's own fallbacks are part of what is studied: what
    answered is told for each origin, and why.
    """
    panel = panel_of(part.markets, design, step_s=part.step_s)
    return _run(_ask(panel, origins_of(panel), design, choice, own))


def _run(asking: Coroutine[Any, Any, _Drawn]) -> _Drawn:
    """Run to the end, in a thread of its own where a notebook's loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asking)
    with ThreadPoolExecutor(max_workers=1) as threads:
        return threads.submit(asyncio.run, asking).result()


async def _ask(
    panel: Panel,
    origins: Origins,
    design: Design,
    choice: ModelChoice,
    own: tuple[str, str],
) -> _Drawn:
    shape = (origins.places.size, design.horizon, len(design.quantile_levels))
    values = np.empty(shape, dtype=np.float32)
    models = np.zeros(origins.places.size, dtype=np.int64)
    names: dict[tuple[str, str], int] = {own: 0}
    reasons = [""] * origins.places.size
    told = windows_of(as_told(panel), design)
    async with open_backend(_for_raw_bands(design.settings, choice)) as backend:
        for rows in _in_turn(origins):
            tasks = list(_tasks(panel, origins.at(rows), told, design, choice))
            outcomes = await backend.forecasts.forecast_many(
                tasks, deadline_s=_PATIENCE_S
            )
            for row, served in zip(rows.tolist(), outcomes, strict=True):
                if not isinstance(served, ServedForecast):
                    raise served
                values[row] = served.raw_values
                by = served.provenance
                key = by.model_name, by.model_version
                models[row] = names.setdefault(key, len(names))
                reasons[row] = by.fallback_reason or ""
    return {
        "values": values,
        "models": models,
        "model_names": np.array(list(names)),
        "reasons": np.array(reasons),
    }


def _for_raw_bands(settings: Settings, choice: ModelChoice) -> Settings:
    """Return settings under which the service calibrates and remembers nothing.

    What a verdict or a rollout allows today is no part of what a model can do; only
    the ladder is studied as it serves.
    """
    changes = {
        "cache": CacheConfig(ttl_s=0),
        "store": StoreConfig(url="sqlite://"),
        "calibration": settings.calibration.model_copy(update={"enabled": False}),
    }
    if choice.name is not None:
        free = {"policy": "ladder", "rollout_percent": 100.0}
        changes["routing"] = settings.routing.model_copy(update=free)
    return settings.model_copy(update=changes)


def _in_turn(origins: Origins) -> Iterator[IntArray]:
    order = np.argsort(origins.steps, kind="stable")
    for part in chunks(order.tolist(), _TOGETHER):
        yield np.array(part)


def _tasks(
    panel: Panel,
    origins: Origins,
    told: Windows,
    design: Design,
    choice: ModelChoice,
) -> Iterator[ForecastTask]:
    settings = design.settings.task
    freq = frequency_of(panel.step_s)
    transform = Transform(settings.space, settings.eps)
    lengths = told.lengths(origins.places).tolist()
    contexts = told_contexts(told, panel, origins)
    rows = zip(
        contexts, lengths, origins.markets.tolist(), origins.steps.tolist(), strict=True
    )
    for context, length, market, step in rows:
        yield ForecastTask(
            market_id=panel.markets[market].market_id,
            cutoff=datetime.fromtimestamp(step * panel.step_s, UTC),
            freq=freq,
            horizon=design.horizon,
            quantile_levels=design.quantile_levels,
            context=context[context.size - length :],
            transform=transform,
            model=choice,
            facts=panel.markets[market].facts,
        )
