"""How a daemon describes its models; each function returns one JSON object."""

from collections.abc import Iterable, Sequence
from typing import Any

from tsfm_runner.domain.model import ModelRevision

# Of every version of the daemon; its clients show it and go by nothing else.
VERSION = "0.1.0"
DIGEST = "local"
_SIZE = 0
_COVARIATES = tuple(
    f"{reach}_covariates_{kind}"
    for reach in ("past", "future")
    for kind in ("numeric", "categorical")
)

Json = dict[str, Any]


def available(models: Iterable[ModelRevision]) -> Json:
    """Return the answer of ``/v1/models``; all that is available is installed."""
    listed = [{"installed": True, **_described(model)} for model in models]
    return {"available": listed, "installed": listed}


def tag(model: ModelRevision, *, since: str) -> Json:
    """Return one entry of ``/api/tags``; ``since`` is when it came to be here."""
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
        "modified_at": since,
        "size": _SIZE,
        "digest": DIGEST,
        "details": details,
    }


def loaded(model: ModelRevision) -> Json:
    """Return one entry of ``/api/ps``; what is served never leaves memory."""
    return {
        "name": model.name,
        "model": model.name,
        "expires_at": None,
        "size": _SIZE,
        "size_vram": 0,
        "context_length": model.capabilities.max_context or 0,
        "details": {"family": model.family},
    }


def shown(model: ModelRevision, *, since: str) -> Json:
    """Return the answer of ``/api/show``."""
    told = _described(model)
    return {
        **told,
        "model": model.name,
        "resolved": {"commit_sha": model.revision, "snapshot_path": ""},
        "digest": DIGEST,
        "size": _SIZE,
        "snapshot_path": "",
        "license": {**told["license"], "accepted_at": since},
        "modelfile": "",
        "parameters": "",
    }


def info(models: Sequence[ModelRevision], *, since: str, uptime_s: float) -> Json:
    """Return the answer of ``/api/info``: what there is to know, and no more."""
    described = [_described(model) for model in models]
    return {
        "daemon": {
            "version": VERSION,
            "started_at": since,
            "uptime_seconds": int(uptime_s),
            "host_binding": None,
        },
        "paths": {},
        "config": None,
        "env": {},
        "pull_defaults": {},
        "models": {
            "installed": [
                {
                    "name": told["name"],
                    "family": told["family"],
                    "digest": DIGEST,
                    "size": _SIZE,
                    "modified_at": since,
                    "capabilities": told["capabilities"],
                }
                for told in described
            ],
            "loaded": [
                {
                    "name": told["name"],
                    "model": told["name"],
                    "family": told["family"],
                    "expires_at": None,
                }
                for told in described
            ],
            "available": described,
        },
        "runners": [],
    }


def _described(model: ModelRevision) -> Json:
    can = model.capabilities
    levels = can.quantile_levels
    return {
        "name": model.name,
        "family": model.family,
        "license": {
            "type": model.license_name,
            "needs_acceptance": False,
            "accepted": True,
        },
        "source": {
            "type": "local",
            "repo_id": f"tsfm-runner/{model.name}",
            "revision": model.revision,
        },
        "metadata": {
            "description": model.description,
            "license_tag": model.license_tag,
            "max_context": can.max_context,
            "max_horizon": can.max_horizon,
            "quantile_levels": levels if isinstance(levels, str) else list(levels),
        },
        "capabilities": {
            **dict.fromkeys(_COVARIATES, False),
            "static_covariates": False,
        },
    }
