"""The routes that tell how the service is: models and health."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from tsfm_runner.api.inspection_schemas import (
    Liveness,
    ModelDescription,
    ModelList,
    Readiness,
)
from tsfm_runner.api.openapi import PROBLEMS
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.catalogue import ModelEntry

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SHARED: dict[int | str, dict[str, Any]] = {
    status: PROBLEMS[status] for status in (401, 500)
}

models_router = APIRouter(prefix="/tsfm", tags=["models"], responses=_SHARED)
metrics_router = APIRouter(tags=["metrics"], responses=_SHARED)
health_router = APIRouter(prefix="/health", tags=["health"], responses=_SHARED)


@metrics_router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Tell every metric in the text format of Prometheus."""
    exposition: Callable[[], bytes] = request.app.state.exposition
    return Response(exposition(), media_type=METRICS_TYPE)


@models_router.get("/models", summary="List the models")
async def models(request: Request) -> ModelList:
    """List every model: licence, capabilities, allowed here, installed there."""
    backend: Backend = request.app.state.backend
    entries = await backend.catalogue.entries()
    environment = backend.catalogue.registry.environment
    return {"environment": environment, "models": [describe(e) for e in entries]}


@health_router.get("/live", summary="Is the process alive")
async def live() -> Liveness:
    """Answer as long as the process answers anything."""
    return {"status": "alive"}


@health_router.get("/ready", summary="Is the service ready")
async def ready(request: Request) -> Readiness:
    """Say with what the service answers, and how each model runtime is.

    Baselines always answer, so the status is always `ready`; `baseline_only` says
    that no model runtime is configured or none is well.
    """
    backend: Backend = request.app.state.backend
    statuses = await backend.catalogue.statuses()
    is_served = any(status.error is None for status in statuses)
    return {
        "status": "ready",
        "mode": "models" if is_served else "baseline_only",
        "runtimes": {
            status.rung: {
                "healthy": status.error is None,
                "error": status.error,
                "registry_mismatches": list(status.mismatches),
            }
            for status in statuses
        },
    }


def describe(entry: ModelEntry) -> ModelDescription:
    """Return one model in the words of the wire."""
    model, can = entry.model, entry.model.capabilities
    levels = can.quantile_levels
    return {
        "name": model.name,
        "provider": model.provider,
        "family": model.family,
        "revision": model.revision,
        "license": model.license_name,
        "license_tag": model.license_tag,
        "allowed": entry.is_allowed,
        "installed": entry.is_installed,
        "quantile_levels": levels if isinstance(levels, str) else list(levels),
        "max_context": can.max_context,
        "max_horizon": can.max_horizon,
        "past_covariates": can.past_covariates,
        "future_covariates": can.future_covariates,
        "description": model.description,
    }
