"""The forecast routes: raw bytes in, bytes out."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from functools import partial

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from tsfm_runner.api.batch import split_batch
from tsfm_runner.api.decode import beside_loop_if_large, read_body, require_few_values
from tsfm_runner.api.desk import Desk, Reading, Visit
from tsfm_runner.api.openapi import PROBLEMS, request_body
from tsfm_runner.api.problems import Problem, ProblemError, too_large
from tsfm_runner.api.schemas import (
    BatchAnswer,
    BatchRequest,
    ForecastAnswer,
    ForecastRequest,
)
from tsfm_runner.api.spending import charge_more
from tsfm_runner.config import Settings
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.grouping import chunks
from tsfm_runner.service.parts import in_parts
from tsfm_runner.service.remembering import Memory

NDJSON = "application/x-ndjson"
_READ_AT_A_TIME = 16

router = APIRouter(prefix="/tsfm", tags=["forecast"])


@router.post(
    "/forecast",
    summary="Forecast one market",
    responses={200: {"model": ForecastAnswer}, **PROBLEMS},
    openapi_extra=request_body(ForecastRequest),
)
async def forecast(request: Request) -> Response:
    """Answer with the quantile band of one market for its next steps.

    A failing model is never an error: a baseline answers in its place and `meta`
    says so.
    """
    return _json(await answer_forecast(request))


async def answer_forecast(request: Request) -> bytes:
    """Return the bytes of the answer; raise ``ProblemError`` where there is none."""
    state = request.app.state
    settings: Settings = state.settings
    desk: Desk = state.desk
    visit = desk.visit(request.scope, deadline_s=settings.resilience.deadline_s)
    server = settings.server
    with desk.stage("decode", visit):
        body = await read_body(
            request, max_bytes=server.max_body_bytes, timeout_s=server.body_timeout_s
        )
    with desk.stage("translate", visit):
        reading = desk.look_up(body, state.backend.forecasts.memory)
        if reading.found is None:
            require_few_values(body, max_values=server.max_values)
            reading = await beside_loop_if_large(partial(desk.read, reading), body)
    [answer] = await desk.serve([reading], state.backend.forecasts, visit)
    if isinstance(answer, Problem):
        raise ProblemError(answer)
    return answer


@router.post(
    "/forecast/batch",
    summary="Forecast many markets",
    responses={
        200: {
            "model": BatchAnswer,
            "content": {NDJSON: {"schema": {"type": "string"}}},
        },
        **PROBLEMS,
    },
    openapi_extra=request_body(BatchRequest),
)
async def forecast_batch(request: Request) -> Response:
    """Answer each request alone, in order; one market's fault is its own.

    With `Accept: application/x-ndjson` items are sent as they finish, one a line,
    with `index` telling which request they answer.
    """
    state = request.app.state
    settings: Settings = state.settings
    desk: Desk = state.desk
    visit = desk.visit(request.scope, deadline_s=settings.resilience.batch_deadline_s)
    server = settings.server
    with desk.stage("decode", visit):
        body = await read_body(
            request,
            max_bytes=server.max_batch_body_bytes,
            timeout_s=server.body_timeout_s,
        )
        require_few_values(body, max_values=server.max_batch_values)
        bodies = await beside_loop_if_large(partial(split_batch, body), body)
    charge_more(request.scope, len(bodies) - 1)
    memory, limit = state.backend.forecasts.memory, server.max_body_bytes
    with desk.stage("translate", visit):
        readings = await _read_all(desk, bodies, memory, max_bytes=limit)
    _require_few_prices(readings, limit=server.max_batch_prices)
    size = settings.tollama.max_series_per_call
    items = _answers(desk, state.backend.forecasts, readings, visit, size=size)
    if NDJSON in request.headers.get("accept", ""):
        return StreamingResponse(_lines(items), media_type=NDJSON)
    results: dict[int, bytes] = {}
    async for index, answer in items:
        results[index] = b"{%b}" % _item(answer)
    joined = b",".join(results[index] for index in range(len(readings)))
    return _json(b'{"results":[' + joined + b"]}")


def _json(document: bytes) -> Response:
    return Response(document, media_type="application/json")


async def _read_all(
    desk: Desk, bodies: Sequence[bytes], memory: Memory, *, max_bytes: int
) -> list[Reading]:
    readings: list[Reading] = []
    for part in chunks(bodies, _READ_AT_A_TIME):
        readings += [
            await _read_one(desk, body, memory, max_bytes=max_bytes) for body in part
        ]
        await asyncio.sleep(0)  # a large batch must not hold up everybody else
    return readings


async def _read_one(
    desk: Desk, body: bytes, memory: Memory, *, max_bytes: int
) -> Reading:
    reading = desk.look_up(body, memory)
    if reading.found is not None:
        return reading
    if len(body) > max_bytes:
        what = f"one request of a batch may have at most {max_bytes} bytes"
        return Reading(body, too_large(what))
    return await beside_loop_if_large(partial(desk.read, reading), body)


def _require_few_prices(readings: Sequence[Reading], *, limit: int) -> None:
    tasks = [task for one in readings if (task := one.task) is not None]
    n_prices = sum(task.horizon * len(task.quantile_levels) for task in tasks)
    if n_prices > limit:
        what = f"a batch may ask for at most {limit} prices, steps times levels"
        raise ProblemError(too_large(what))


async def _answers(
    desk: Desk,
    service: ForecastService,
    readings: Sequence[Reading],
    visit: Visit,
    *,
    size: int,
) -> AsyncIterator[tuple[int, bytes | Problem]]:
    """Yield the answer to each reading with its place, as they finish."""

    async def answer(part: Sequence[int]) -> Iterator[tuple[int, bytes | Problem]]:
        read = [readings[place] for place in part]
        return zip(part, await desk.serve(read, service, visit), strict=True)

    async with aclosing(in_parts(answer, len(readings), size=size)) as parts:
        async for part in parts:
            for indexed in part:
                yield indexed
    service.telemetry.cycle_finished(desk.elapsed_s(visit))


def _item(answer: bytes | Problem) -> bytes:
    """Return the member of one item of a batch."""
    if isinstance(answer, Problem):
        return b'"error":' + msgspec.json.encode(answer.body())
    return b'"result":' + answer


async def _lines(
    items: AsyncIterator[tuple[int, bytes | Problem]],
) -> AsyncIterator[bytes]:
    async for index, answer in items:
        yield b'{"index":%d,%b}\n' % (index, _item(answer))
