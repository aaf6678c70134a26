"""The routes around forecasts: health, description, and models."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tsfm_runner.testing.fake_tollama.catalog import (
    CatalogModel,
    described,
    known_models,
    listing,
    source,
)
from tsfm_runner.testing.fake_tollama.edge import MEMORY, read_body, write_json
from tsfm_runner.testing.fake_tollama.generations import openapi_document
from tsfm_runner.testing.fake_tollama.refusals import not_installed
from tsfm_runner.testing.fake_tollama.rendering import json_answer
from tsfm_runner.testing.fake_tollama.schemas import ShowBody
from tsfm_runner.testing.fake_tollama.timegrid import write_time


async def health(_: web.Request) -> web.Response:
    """Say that the daemon lives."""
    return _answer({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Say that the daemon is ready, as it does even when its runners are not."""
    memory = request.app[MEMORY]
    runners = {
        "healthy": True,
        "latency_ms": 0.0,
        "error": None,
        "configured_runners": len(known_models()),
        "running_runners": len(memory.loaded),
        "restart_total": 0,
    }
    disk = {
        "healthy": True,
        "latency_ms": 0.0,
        "error": None,
        "path": "memory",
        "free_bytes": 0,
    }
    answer = {"status": "ok", "healthy": True, "runner_manager": runners, "disk": disk}
    return _answer({**answer, "connectors": None})


async def version(_: web.Request) -> web.Response:
    """Tell the version, which has never changed."""
    return _answer({"version": "0.1.0"})


async def openapi(request: web.Request) -> web.Response:
    """Tell which routes and keys there are."""
    return _answer(openapi_document(request.app[MEMORY].options.generation))


async def list_available(request: web.Request) -> web.Response:
    """List every model that can be pulled, and those that have been."""
    installed = request.app[MEMORY].installed
    names = {model.name for model in known_models()} | installed
    available = [
        listing(described(name), is_installed=name in installed)
        for name in sorted(names)
    ]
    return _answer(
        {
            "available": available,
            "installed": [model for model in available if model["installed"]],
        }
    )


async def list_installed(request: web.Request) -> web.Response:
    """List the models that have been pulled."""
    models = map(described, sorted(request.app[MEMORY].installed))
    return _answer({"models": [_tag(model) for model in models]})


async def list_loaded(request: web.Request) -> web.Response:
    """List the models that are in memory."""
    loaded = request.app[MEMORY].loaded
    now = datetime.now(UTC)
    return _answer(
        {
            "models": [
                _loaded(described(name), until)
                for name, until in loaded.items()
                if until is None or until > now
            ]
        }
    )


async def show(request: web.Request) -> web.Response:
    """Describe one installed model."""
    name = read_body(request, ShowBody).model
    if name not in request.app[MEMORY].installed:
        raise not_installed(name)
    model = described(name)
    path = f"memory/models/{name}/snapshot"
    license_ = {
        "type": model.license_name,
        "needs_acceptance": model.needs_acceptance,
        "accepted": True,
        "accepted_at": write_time(datetime.now(UTC)),
    }
    return _answer(
        {
            "name": name,
            "model": name,
            "family": model.family,
            "source": source(model),
            "resolved": {"commit_sha": "local", "snapshot_path": path},
            "digest": "local",
            "size": 0,
            "snapshot_path": path,
            "license": license_,
            "modelfile": "",
            "parameters": "",
        }
    )


def _tag(model: CatalogModel) -> dict[str, Any]:
    details = {
        "format": "tollama",
        "family": model.family,
        "families": [model.family],
        "parameter_size": "",
        "quantization_level": "",
    }
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": write_time(datetime.now(UTC)),
        "size": 0,
        "digest": "local",
        "details": details,
    }


def _loaded(model: CatalogModel, until: datetime | None) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "expires_at": write_time(until) if until else None,
        "size": 0,
        "size_vram": 0,
        "context_length": 0,
        "details": {"family": model.family},
    }


def _answer(answer: dict[str, Any]) -> web.Response:
    return json_answer(write_json(answer))
