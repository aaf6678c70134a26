"""The HTTP application: routes, guard, and the one table from error to status."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import as_file, files

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse
from starlette.types import Receive, Scope, Send

from tsfm_runner.api import tollama
from tsfm_runner.api.board import router as board_router
from tsfm_runner.api.breaches import router as breaches_router
from tsfm_runner.api.desk import Desk
from tsfm_runner.api.edge import Edge
from tsfm_runner.api.forecasts import answer_forecast, forecast_batch
from tsfm_runner.api.forecasts import router as forecasts_router
from tsfm_runner.api.guard import Guard
from tsfm_runner.api.history import router as history_router
from tsfm_runner.api.hot import Endpoint, HotRoutes
from tsfm_runner.api.inspection import health_router, metrics_router, models_router
from tsfm_runner.api.market_rows import RowWriter
from tsfm_runner.api.observations import router as observations_router
from tsfm_runner.api.openapi import describe
from tsfm_runner.api.pages.routes import router as pages_router
from tsfm_runner.api.problems import (
    Problem,
    ProblemError,
    Render,
    answer_to,
    internal_error,
    invalid_request,
    query_errors,
)
from tsfm_runner.api.runtime_status import Gauges
from tsfm_runner.api.streaming import router as streaming_router
from tsfm_runner.api.streams import LatelyTold, Streams
from tsfm_runner.api.tracing import Admitted, Traced
from tsfm_runner.api.watch import Watch
from tsfm_runner.config import Settings
from tsfm_runner.ports import KeyRing, RateLimiter
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.meanwhile import meanwhile

_DOCS_ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
_DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)
_MAX_PATH = 80
_FORECAST_ROUTES: dict[str, Endpoint] = {
    "/tsfm/forecast": answer_forecast,
    "/tsfm/forecast/batch": forecast_batch,
}
_ROUTERS = (
    forecasts_router,
    observations_router,
    history_router,
    board_router,
    breaches_router,
    streaming_router,
    models_router,
    health_router,
    metrics_router,
    pages_router,
)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """Routes besides our own, which speak to callers in the words of another API."""

    routers: Sequence[APIRouter] = ()
    forecast_routes: Mapping[str, Endpoint] = field(default_factory=dict)
    bodies: Sequence[type[BaseModel]] = ()
    renders: Mapping[str, Render] = field(default_factory=dict)


_OURS = _Dialect()
_TOLLAMA = _Dialect(
    tollama.ROUTERS, tollama.FORECAST_ROUTES, tollama.BODIES, tollama.RENDERS
)


@dataclass(frozen=True, slots=True)
class Application:
    """The HTTP application as a server calls it: what FastAPI made, and around it."""

    edge: Edge
    site: FastAPI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or go through start and end of the process."""
        await self.edge(scope, receive, send)

    def end_streams(self) -> None:
        """End every answer that has no end of its own: the process is about to stop."""
        backend: Backend = self.site.state.backend
        backend.feed.close()


OpenBackend = Callable[[], AbstractAsyncContextManager[Backend]]


def create_app(
    settings: Settings,
    open_backend: OpenBackend,
    *,
    keys: KeyRing,
    limiter: RateLimiter,
    watch: Watch,
) -> Application:
    """Return the application; the backend is opened at start and closed at the end.

    In between the keys are watched.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_backend() as backend, meanwhile(keys.watch()):
            app.state.backend = backend
            yield

    app = FastAPI(
        title="TSFM Runner",
        version=version("tsfm-runner"),
        description="Probability series in, quantile bands out.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A redirect would send callers wherever their Host header points.
        redirect_slashes=False,
    )
    _remember(app, settings, watch)
    dialect = _TOLLAMA if settings.server.tollama_api else _OURS
    for router in (*_ROUTERS, *dialect.routers):
        app.include_router(router)
    app.openapi = lambda: describe(  # type: ignore[method-assign]
        app, is_guarded=not keys.is_empty, more_bodies=dialect.bodies
    )
    _add_docs(app)
    _add_handlers(app)
    edge = _edge_around(app, settings, dialect, keys, limiter, watch)
    app.state.gauges = Gauges(settings, watch, edge, app.state.started_at_s)
    app.state.lately_told = LatelyTold(app.state.gauges.status, watch.clock)
    return Application(edge, app)


def _edge_around(  # noqa: PLR0913, PLR0917 - one argument a collaborator
    app: FastAPI,
    settings: Settings,
    dialect: _Dialect,
    keys: KeyRing,
    limiter: RateLimiter,
    watch: Watch,
) -> Edge:
    """Return all that a request passes before it comes to the application."""
    routes = {**_FORECAST_ROUTES, **dialect.forecast_routes}
    guard = Guard(
        Admitted(HotRoutes(app, endpoints=routes)),
        keys=keys,
        limiter=limiter,
        public=settings.auth.public,
        limited=routes,
    )
    return Edge(
        Traced(guard, watch.tracer, routes) if settings.tracing.enabled else guard,
        watch,
        limits=settings.resilience,
        forecast_routes=frozenset(routes),
        renders=dialect.renders,
    )


def _remember(app: FastAPI, settings: Settings, watch: Watch) -> None:
    """Put what endpoints need where they find it."""
    app.state.settings = settings
    app.state.desk = Desk(
        settings.task, watch.written, watch.clock, tracer=watch.tracer
    )
    app.state.row_writer = RowWriter()
    app.state.streams = Streams(settings.server.max_streams)
    app.state.exposition = watch.exposition
    app.state.wall_clock = watch.wall_clock
    app.state.started_at_s = watch.wall_clock()


def _add_handlers(app: FastAPI) -> None:
    """Say which error is answered in which way."""
    app.add_exception_handler(ProblemError, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_wrong_query)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_own_error)


def _add_docs(app: FastAPI) -> None:
    """Serve the interactive documentation from files on this machine."""
    script, style, icon = (f"/docs/assets/{name}" for name in _DOCS_ASSETS)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=script,
            swagger_css_url=style,
            swagger_favicon_url=icon,
            swagger_ui_parameters={"validatorUrl": None},  # would send the schema out
        )
        page.headers["Content-Security-Policy"] = _DOCS_POLICY
        return page

    @app.get("/docs/assets/{name}", include_in_schema=False)
    async def asset(name: str) -> FileResponse:
        if name not in _DOCS_ASSETS:
            raise HTTPException(404)
        with as_file(files("fastapi_swagger") / "resources" / name) as path:
            return FileResponse(path)


async def _answer_problem(request: Request, failure: Exception) -> Response:
    if not isinstance(failure, ProblemError):
        raise TypeError("only problems come here") from failure
    return answer_to(request.scope, failure.problem)


async def _answer_wrong_query(_: Request, failure: Exception) -> Response:
    if not isinstance(failure, RequestValidationError):
        raise TypeError("only wrong queries come here") from failure
    return invalid_request(query_errors(failure.errors())).response()


async def _answer_http_error(request: Request, failure: Exception) -> Response:
    if not isinstance(failure, HTTPException):
        raise TypeError("only HTTP errors come here") from failure
    problem = Problem(
        failure.status_code,
        {404: "not_found", 405: "method_not_allowed"}.get(
            failure.status_code, "http_error"
        ),
        failure.detail,
        f"{request.method} {request.url.path[:_MAX_PATH]}: {failure.detail}",
        "GET /openapi.json lists every route.",
        headers=failure.headers or {},
    )
    return answer_to(request.scope, problem)


async def _answer_own_error(request: Request, _failure: Exception) -> Response:
    """Answer 500 for an error of our own code; the server logs its traceback."""
    return answer_to(request.scope, internal_error())
