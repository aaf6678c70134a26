"""Which routes and keys each generation of the daemon knows.

Covariates are dated by the generation that is known to take them; the oldest
ones may have taken them too, so the double is the stricter of the two.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tsfm_runner.testing.fake_tollama.schemas import ForecastBody, StreamedForecastBody

_ROUTES = {
    "/v1/forecast": 0,
    "/v1/health": 0,
    "/openapi.json": 0,
    "/v1/models": 1,
    "/api/version": 1,
    "/api/forecast": 1,
    "/api/tags": 1,
    "/api/ps": 1,
    "/api/show": 1,
    "/api/pull": 1,
    "/health/live": 7,
    "/health/ready": 7,
}
_BODY_KEYS = {
    "model": 0,
    "horizon": 0,
    "quantiles": 0,
    "series": 0,
    "options": 0,
    "keep_alive": 1,
    "stream": 1,
    "parameters": 2,
    "timeout": 3,
    "modelfile": 5,
    "data_url": 5,
    "ingest": 5,
    "response_options": 5,
}
_SERIES_KEYS = {
    "id": 0,
    "freq": 0,
    "timestamps": 0,
    "target": 0,
    "past_covariates": 2,
    "future_covariates": 2,
    "static_covariates": 2,
    "actuals": 3,
}
_ANSWER_KEYS = {
    "model": 0,
    "forecasts": 0,
    "usage": 0,
    "warnings": 2,
    "metrics": 3,
    "timing": 4,
    "explanation": 4,
    "narrative": 5,
    "preprocessing": 7,
}
_HINTS_SINCE = 5
_FREQ_IS_OPTIONAL_SINCE = 3
_MODELS_ARE_CHECKED_SINCE = 2


def has_route(path: str, generation: int) -> bool:
    """Return whether the daemon of that generation answers the path."""
    return path in _ROUTES and _ROUTES[path] <= generation


def gives_hints(generation: int) -> bool:
    """Return whether errors come with a hint."""
    return generation >= _HINTS_SINCE


def checks_models(generation: int) -> bool:
    """Return whether a model that is not installed is refused."""
    return generation >= _MODELS_ARE_CHECKED_SINCE


def answer_of(generation: int, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer without what that generation did not send yet."""
    return {
        key: value for key, value in answer.items() if _ANSWER_KEYS[key] <= generation
    }


def too_new(generation: int, body: object) -> list[dict[str, Any]]:
    """Return a schema error for each key that came later, and for a missing freq."""
    if not isinstance(body, dict):
        return []
    errors = _newer_keys(generation, body, _BODY_KEYS, ("body",))
    series = body.get("series")
    for number, item in enumerate(series if isinstance(series, list) else []):
        if not isinstance(item, dict):
            continue
        place = ("body", "series", number)
        errors += _newer_keys(generation, item, _SERIES_KEYS, place)
        if generation < _FREQ_IS_OPTIONAL_SINCE and "freq" not in item:
            errors.append(_error("missing", (*place, "freq"), "Field required", item))
    return errors


def openapi_document(generation: int) -> dict[str, Any]:
    """Return what the daemon of that generation says of itself."""
    paths: dict[str, Any] = {
        path: {} for path in _ROUTES if has_route(path, generation)
    }
    components: dict[str, Any] = {}
    bodies = {"/v1/forecast": ForecastBody, "/api/forecast": StreamedForecastBody}
    for path, model in bodies.items():
        if path not in paths:
            continue
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components |= schema.pop("$defs")
        _keep(schema, _BODY_KEYS, generation)
        components[model.__name__] = schema
        paths[path] = {"post": _operation(model.__name__)}
    _keep(components["SeriesBody"], _SERIES_KEYS, generation)
    components["ForecastResponse"] = {
        "type": "object",
        "properties": answer_of(generation, {key: {} for key in _ANSWER_KEYS}),
    }
    info = {"title": "tollama", "version": "0.1.0"}
    return {
        "openapi": "3.1.0",
        "info": info,
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(body: str) -> dict[str, Any]:
    def content(name: str) -> dict[str, Any]:
        reference = {"$ref": f"#/components/schemas/{name}"}
        return {"application/json": {"schema": reference}}

    return {
        "requestBody": {"content": content(body), "required": True},
        "responses": {"200": {"content": content("ForecastResponse")}},
    }


def _keep(schema: dict[str, Any], since: Mapping[str, int], generation: int) -> None:
    schema["properties"] = {
        key: value
        for key, value in schema["properties"].items()
        if since[key] <= generation
    }


def _newer_keys(
    generation: int,
    item: Iterable[str],
    since: Mapping[str, int],
    place: tuple[str | int, ...],
) -> list[dict[str, Any]]:
    return [
        _error("extra_forbidden", (*place, key), "Extra inputs are not permitted", None)
        for key in item
        if since.get(key, 0) > generation
    ]


def _error(
    kind: str, place: tuple[str | int, ...], message: str, given: object
) -> dict[str, Any]:
    return {"type": kind, "loc": list(place), "msg": message, "input": given}
