"""Requests to make over HTTP, and a service to make them to."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from tsfm_runner.api.app import create_app
from tsfm_runner.bootstrap import build_app, open_backend
from tsfm_runner.config import Settings
from tsfm_runner.ports import ForecastRuntime
from tsfm_runner.service.backend import Backend

AS_OF = "2026-02-20T12:00:00Z"
AS_OF_S = 1_771_588_800
FORECAST = "/tsfm/forecast"
BATCH = "/tsfm/forecast/batch"
PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"

Json = dict[str, Any]


def a_request(**fields: Any) -> Json:  # noqa: ANN401 - JSON is any
    """Return a request of three points, some of its fields replaced or added."""
    return {
        "market_id": "rain",
        "as_of_ts": AS_OF,
        "y": [0.4, 0.41, 0.43],
        **fields,
    }


def prices(count: int) -> list[float]:
    """Return a series on the cent grid that moves at most steps."""
    return [(40 + step * 7 % 5 + step // 50 % 3) / 100 for step in range(count)]


def with_tollama(**sections: Any) -> Settings:  # noqa: ANN401 - sections are any
    """Return settings with a tollama rung, whose address nobody needs to answer."""
    return Settings.model_validate(
        {"tollama": {"url": "http://127.0.0.1:9"}} | sections
    )


@contextmanager
def a_client(
    settings: Settings | None = None, *, runtime: ForecastRuntime | None = None
) -> Iterator[TestClient]:
    """Serve the real application; with a runtime, that one in tollama's place."""
    app = an_app(settings, runtime=runtime)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as it:
        yield it


def an_app(
    settings: Settings | None = None, *, runtime: ForecastRuntime | None = None
) -> FastAPI:
    """Return the real application; with a runtime, that one in tollama's place."""
    if settings is None:
        settings = Settings() if runtime is None else with_tollama()
    if runtime is None:
        return build_app(settings)
    return create_app(settings, lambda: _backend_with(settings, runtime))


def _backend_with(
    settings: Settings, runtime: ForecastRuntime
) -> AbstractAsyncContextManager[Backend]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Backend]:
        async with open_backend(settings) as backend:
            service, catalogue = backend.forecasts, backend.catalogue
            predictors = {
                rung: replace(predictor, line=replace(predictor.line, runtime=runtime))
                for rung, predictor in service.predictors.items()
            }
            runtimes = dict.fromkeys(catalogue.runtimes, runtime)
            yield replace(
                backend,
                forecasts=replace(service, predictors=predictors),
                catalogue=replace(catalogue, runtimes=runtimes),
            )

    return opened()


def assert_problem(response: Response, status: int, code: str) -> Json:
    """Check that the answer is that problem, whole and well-formed; return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    problem: Json = response.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"urn:tsfm-runner:problem:{code}"
    assert all(problem[word] for word in ("title", "detail", "hint"))
    for error in problem.get("errors", []):
        assert error["msg"]
        assert len(error["input"]) <= 80
        assert all(len(part) <= 80 for part in error["loc"] if isinstance(part, str))
    return problem


def rounded(value: Any) -> Any:  # noqa: ANN401 - JSON is any
    """Return the JSON with numbers of 12 digits: machines differ in the last ones."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return value
