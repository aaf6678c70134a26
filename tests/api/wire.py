"""Requests to make over HTTP, and a service to make them to."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO
from typing import Any, TextIO

from httpx2 import ASGITransport, AsyncClient, Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from tsfm_runner.api.app import Application
from tsfm_runner.bootstrap import build_app
from tsfm_runner.config import Settings, StoreConfig
from tsfm_runner.ports import Clock, ForecastRuntime

AS_OF = "2026-02-20T12:00:00Z"
AS_OF_S = 1_771_588_800
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
FORECAST = "/tsfm/forecast"
BATCH = "/tsfm/forecast/batch"
PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
HOW_SERVED = ("cache_hit", "cache_stale", "cache_age_s", "latency_ms")

_PATIENCE_S = 10.0

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


def in_memory(settings: Settings | None = None) -> Settings:
    """Return the settings with a ledger in memory, unless they name a file."""
    settings = settings or Settings()
    if settings.store.url is not None:
        return settings
    store = settings.store.model_dump() | {"url": "sqlite://"}
    return settings.model_copy(update={"store": StoreConfig.model_validate(store)})


def without_own_models(settings: Settings) -> Settings:
    """Return the settings without the models that run in the process itself."""
    off = settings.embedded.model_copy(update={"enabled": False})
    return settings.model_copy(update={"embedded": off})


def with_tollama(**sections: Any) -> Settings:  # noqa: ANN401 - sections are any
    """Return settings with a tollama rung, whose address nobody needs to answer."""
    return Settings.model_validate(
        {"tollama": {"url": "http://127.0.0.1:9"}} | sections
    )


@contextmanager
def a_client(  # noqa: PLR0913 - one keyword for each thing that tests vary
    settings: Settings | None = None,
    *,
    runtime: ForecastRuntime | None = None,
    clock: Clock | None = None,
    wall_clock: Clock | None = None,
    log: TextIO | None = None,
    has_own_models: bool = False,
) -> Iterator[TestClient]:
    """Serve the real application; with a runtime, that one in tollama's place."""
    app = an_app(
        settings,
        runtime=runtime,
        clock=clock,
        wall_clock=wall_clock,
        log=log,
        has_own_models=has_own_models,
    )
    with client_of(app) as it:
        yield it


def client_of(app: Application) -> TestClient:
    """Return a client that sees errors of ours and redirects as answers."""
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def an_app(  # noqa: PLR0913 - the same
    settings: Settings | None = None,
    *,
    runtime: ForecastRuntime | None = None,
    clock: Clock | None = None,
    wall_clock: Clock | None = None,
    log: TextIO | None = None,
    has_own_models: bool = False,
) -> Application:
    """Return the real application; with a runtime, that one in tollama's place.

    Its ledger is in memory unless the settings name a file, and without models of its
    own a baseline answers where no runtime does.
    """
    if settings is None and runtime is not None:
        settings = with_tollama()
    settings = in_memory(settings)
    return build_app(
        settings if has_own_models else without_own_models(settings),
        clock=clock or time.monotonic,
        wall_clock=wall_clock or time.time,
        log_stream=log or StringIO(),
        runtimes=None if runtime is None else {"tollama": runtime},
    )


def client_at(app: ASGIApp) -> AsyncClient:
    """Return a client in the running loop, of which many requests may be out."""
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    return AsyncClient(transport=transport, base_url="http://here")


@asynccontextmanager
async def started(app: Application) -> AsyncIterator[AsyncClient]:
    """Start the application in the running loop; give a client of it."""
    async with app.site.router.lifespan_context(app.site), client_at(app) as client:
        yield client


async def until(is_so: Callable[[], bool]) -> None:
    """Let others go on until it is so."""
    async with asyncio.timeout(_PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)


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
