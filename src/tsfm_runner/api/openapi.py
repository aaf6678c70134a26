"""The parts of the OpenAPI document that hot routes do not give by themselves."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from tsfm_runner.api.ledger_schemas import Observations
from tsfm_runner.api.problems import MEDIA_TYPE
from tsfm_runner.api.schemas import BatchRequest, ForecastRequest

_BODIES: tuple[type[BaseModel], ...] = (ForecastRequest, BatchRequest, Observations)
_REF = "#/components/schemas/{model}"

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="ProblemBody")}}},
    }
    for status, description in {
        400: "The body is not JSON",
        401: "No token, or a wrong one",
        403: "The licence policy forbids the model",
        413: "The request is too large",
        422: "The request breaks a rule",
        429: "The caller has too few forecasts left in this minute",
        404: "Nothing is known of this market",
        500: "An error of ours",
        503: "Too many requests are at work, or the ledger cannot be used",
    }.items()
}
PROBLEMS[429]["headers"] = {
    name: {"description": description, "schema": {"type": kind}}
    for name, kind, description in (
        ("Retry-After", "integer", "Seconds until the next forecast is free"),
        ("RateLimit-Policy", "string", "The limit, and its window in seconds"),
        ("RateLimit", "string", "Forecasts left, and seconds until they are renewed"),
    )
}
PROBLEMS[503]["headers"] = {
    "Retry-After": {
        "description": "Seconds until it is worth asking again",
        "schema": {"type": "integer"},
    }
}


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return what a route says of a body that it reads by itself."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def describe(
    app: FastAPI, *, is_guarded: bool, more_bodies: Sequence[type[BaseModel]] = ()
) -> dict[str, Any]:
    """Return the OpenAPI document, made once; routes may read bodies by themselves."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (*_BODIES, *more_bodies):
            schema = model.model_json_schema(ref_template=_REF)
            schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
        if is_guarded:
            document["components"]["securitySchemes"] = _SECURITY
            document["security"] = [{name: []} for name in _SECURITY]
        app.openapi_schema = document
    return app.openapi_schema
