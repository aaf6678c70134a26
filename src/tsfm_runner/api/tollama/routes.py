"""What a daemon answers of itself and its models."""

import json
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from tsfm_runner.api.answers import moment_text
from tsfm_runner.api.decode import beside_loop_if_large
from tsfm_runner.api.openapi import request_body
from tsfm_runner.api.problems import ProblemError
from tsfm_runner.api.tollama.errors import not_in_registry, not_removable, said_of
from tsfm_runner.api.tollama.listing import (
    DIGEST,
    VERSION,
    available,
    info,
    loaded,
    shown,
    tag,
)
from tsfm_runner.api.tollama.models import find_model, served_models
from tsfm_runner.api.tollama.ndjson import lines_of
from tsfm_runner.api.tollama.reading import read_large, read_small
from tsfm_runner.api.tollama.schemas import (
    TollamaForecast,
    TollamaName,
    TollamaPull,
)
from tsfm_runner.api.tollama.translate import questions_of
from tsfm_runner.config import Settings
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.service.catalogue import Catalogue

router = APIRouter(tags=["tollama"])


@router.get("/v1/health", summary="Is it well, in tollama's words")
async def health() -> dict[str, str]:
    """Answer as long as the process answers anything."""
    return {"status": "ok"}


@router.get("/api/version", summary="Which tollama this speaks like")
async def version() -> dict[str, str]:
    """Tell the version that every daemon tells."""
    return {"version": VERSION}


@router.get("/v1/models", summary="List what can be asked for")
async def list_available(request: Request) -> dict[str, Any]:
    """List every model that is served under these routes."""
    return available(await _models(request))


@router.get("/api/tags", summary="List what is installed")
async def list_installed(request: Request) -> dict[str, Any]:
    """List every model that is served under these routes."""
    since = _since(request)
    return {"models": [tag(model, since=since) for model in await _models(request)]}


@router.get("/api/ps", summary="List what is in memory")
async def list_loaded(request: Request) -> dict[str, Any]:
    """List every model that is served under these routes: none is ever unloaded."""
    return {"models": [loaded(model) for model in await _models(request)]}


@router.get("/api/info", summary="Say all of it at once")
async def tell_all(request: Request) -> dict[str, Any]:
    """Tell of the process and of every model; of paths and secrets nothing."""
    state = request.app.state
    uptime_s = state.wall_clock() - state.started_at_s
    models = await _models(request)
    return info(models, since=_since(request), uptime_s=uptime_s)


@router.post(
    "/api/validate",
    summary="Check a forecast without making it",
    openapi_extra=request_body(TollamaForecast),
)
async def validate(request: Request) -> Response:
    """Say what is wrong with a request, if anything is."""
    settings: Settings = request.app.state.settings
    errors: list[str] = []
    warnings: list[str] = []
    try:
        body, raw = await read_large(request, TollamaForecast, settings.server)
        served = await find_model(_catalogue(request), body.model)
        read = partial(questions_of, body, served, settings.task)
        for question in await beside_loop_if_large(read, raw):
            warnings += question.warnings
    except ProblemError as failure:
        errors = said_of(failure.problem)
    told = {"errors": errors, "warnings": warnings, "suggestions": []}
    # ASCII only: what is repeated of a request may be no text that can be encoded.
    answer = json.dumps({"valid": not errors, **told})
    return Response(answer, media_type="application/json")


@router.post(
    "/api/show", summary="Describe a model", openapi_extra=request_body(TollamaName)
)
async def show(request: Request) -> dict[str, Any]:
    """Tell licence, family, limits and capabilities of one model."""
    body = await read_small(request, TollamaName, request.app.state.settings.server)
    served = await find_model(_catalogue(request), body.model)
    return shown(served.model, since=_since(request))


@router.post(
    "/api/pull",
    summary="Have a model",
    openapi_extra=request_body(TollamaPull),
    response_model=None,
)
async def pull(request: Request) -> Response | dict[str, Any]:
    """Say that a model is there; nothing is ever downloaded."""
    body = await read_small(request, TollamaPull, request.app.state.settings.server)
    name = body.model
    if name not in await served_models(_catalogue(request)):
        raise ProblemError(not_in_registry(name))
    success = {"status": "success", "model": name, "digest": DIGEST, "size": 0}
    if not body.stream:
        return success
    return lines_of([{"status": "already present", "model": name}, success])


@router.delete(
    "/api/delete", summary="Remove a model", openapi_extra=request_body(TollamaName)
)
async def delete(request: Request) -> Response:
    """Refuse: which models there are is chosen by whoever runs the service."""
    body = await read_small(request, TollamaName, request.app.state.settings.server)
    served = await find_model(_catalogue(request), body.model)
    raise ProblemError(not_removable(served.model.name))


def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.backend.catalogue
    return catalogue


async def _models(request: Request) -> list[ModelRevision]:
    served = await served_models(_catalogue(request))
    return [one.model for one in served.values()]


def _since(request: Request) -> str:
    return moment_text(request.app.state.started_at_s)
