"""A server that answers one thing, and calls to make to it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer

from tsfm_runner.adapters.tollama import TollamaRuntime, open_session
from tsfm_runner.domain.forecast import ModelCall, ModelSeries

CUTOFF = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
TIMEOUT_S = 5.0

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def a_series(market_id: str = "a", **fields: Any) -> ModelSeries:  # noqa: ANN401
    """Return a series of four points."""
    given: dict[str, Any] = {
        "cutoff": CUTOFF,
        "context": np.array([0.1, 0.2, 0.3, 0.4]),
        "past_covariates": {},
        "future_covariates": {},
        **fields,
    }
    return ModelSeries(market_id, **given)


def a_call(*series: ModelSeries, **fields: Any) -> ModelCall:  # noqa: ANN401
    """Return a call of horizon 3 for three levels."""
    given: dict[str, Any] = {
        "model_name": "mock",
        "step_s": 300,
        "horizon": 3,
        "quantile_levels": (0.1, 0.5, 0.9),
        "params": MappingProxyType({}),
        **fields,
    }
    return ModelCall(series=series or (a_series(),), **given)


def an_answer(*series_ids: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a good answer to ``a_call``; a change replaces a part of each series."""
    columns = {"0.1": [0.1, 0.2, 0.3], "0.5": [0.4, 0.5, 0.6], "0.9": [0.7, 0.8, 0.9]}
    return {
        "model": "mock",
        "forecasts": [
            {"id": series_id, "mean": [0.4, 0.5, 0.6], "quantiles": columns, **changes}
            for series_id in series_ids
        ],
        "warnings": None,
    }


def replying(
    body: bytes, *, status: int = 200, content_type: str | None = "application/json"
) -> Handler:
    """Return a handler that always sends the same."""

    async def handler(_: web.Request) -> web.Response:
        headers = {} if content_type is None else {"Content-Type": content_type}
        return web.Response(body=body, status=status, headers=headers)

    return handler


@asynccontextmanager
async def runtime_at(
    url: str, *, clock: HandClock | None = None, token: str | None = None
) -> AsyncGenerator[TollamaRuntime]:
    """Give a runtime that asks this address."""
    async with open_session(url, token=token) as session:
        yield TollamaRuntime(session, daemon_timeout_s=30, clock=clock or HandClock())


@asynccontextmanager
async def serving(
    handler: Handler, *, openapi: Handler | None = None
) -> AsyncGenerator[str]:
    """Serve the handler on every route but the description; give the address."""
    app = web.Application(client_max_size=2**26)
    absent = replying(b'{"detail":"Not Found"}', status=404)
    app.router.add_get("/openapi.json", openapi or absent)
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@asynccontextmanager
async def runtime_answered_by(handler: Handler) -> AsyncGenerator[TollamaRuntime]:
    """Give a runtime whose daemon is the handler."""
    async with serving(handler) as url, runtime_at(url) as runtime:
        yield runtime


def series_of(market_ids: Sequence[str]) -> tuple[ModelSeries, ...]:
    """Return one series for each id."""
    return tuple(a_series(market_id) for market_id in market_ids)
