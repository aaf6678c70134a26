"""The forecast routes: raw bytes in, bytes out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from tsfm_runner.api.decode import parse_json, read_body
from tsfm_runner.api.openapi import PROBLEMS, request_body
from tsfm_runner.api.problems import (
    Problem,
    ProblemError,
    field_error,
    invalid_request,
    too_large,
)
from tsfm_runner.api.schemas import (
    MAX_BATCH,
    BatchAnswer,
    BatchItem,
    BatchRequest,
    ForecastAnswer,
    ForecastRequest,
)
from tsfm_runner.api.translate import answer_to_wire, read_task, refusal_problem
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.service.forecasting import ForecastService, Refusal
from tsfm_runner.service.grouping import chunks

NDJSON = "application/x-ndjson"
_THREAD_ABOVE_BYTES = 256 * 1024

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
    settings: Settings = request.app.state.settings
    server = settings.server
    body = await read_body(request, max_bytes=server.max_body_bytes)
    value = await _parse(body, max_values=server.max_values)
    task = read_task(value, settings.task)
    if isinstance(task, Problem):
        raise ProblemError(task)
    service: ForecastService = request.app.state.backend.forecasts
    deadline_s = settings.resilience.deadline_s
    [outcome] = await service.forecast_many([task], deadline_s=deadline_s)
    if not isinstance(outcome, ServedForecast):
        raise ProblemError(refusal_problem(outcome, value))
    return Response(
        msgspec.json.encode(answer_to_wire(outcome)), media_type="application/json"
    )


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
    settings: Settings = request.app.state.settings
    server = settings.server
    body = await read_body(request, max_bytes=server.max_batch_body_bytes)
    values = _requests(await _parse(body, max_values=server.max_batch_values))
    readings = await _read_all(values, settings)
    items = _answers(request.app.state.backend.forecasts, values, readings, settings)
    if NDJSON in request.headers.get("accept", ""):
        return StreamingResponse(_lines(items), media_type=NDJSON)
    results: dict[int, bytes] = {}
    async for index, item in items:
        results[index] = msgspec.json.encode(item)
        await asyncio.sleep(0)
    joined = b",".join(results[index] for index in range(len(values)))
    return Response(b'{"results":[' + joined + b"]}", media_type="application/json")


async def _parse(body: bytes, *, max_values: int) -> Any:  # noqa: ANN401 - JSON is any
    """Return the JSON value; a large body is read beside the event loop."""
    if len(body) <= _THREAD_ABOVE_BYTES:
        return parse_json(body, max_values=max_values)
    return await asyncio.to_thread(parse_json, body, max_values=max_values)


def _requests(value: object) -> list[object]:
    """Return the requests of a batch, each still to be read."""
    if not isinstance(value, dict):
        error = field_error((), "must be an object with the key 'requests'", value)
        raise ProblemError(invalid_request([error]))
    unknown = [
        field_error((key,), "is not a known key", given)
        for key, given in value.items()
        if key != "requests"
    ]
    requests = value.get("requests")
    if unknown:
        raise ProblemError(invalid_request(unknown))
    if not isinstance(requests, list) or not 1 <= len(requests) <= MAX_BATCH:
        rule = f"must be a list of 1 to {MAX_BATCH} requests"
        raise ProblemError(
            invalid_request([field_error(("requests",), rule, requests)])
        )
    return requests


async def _read_all(
    values: Sequence[object], settings: Settings
) -> list[ForecastTask | Problem]:
    """Return the task or the problem of each request; not too many prices in all."""
    readings: list[ForecastTask | Problem] = []
    for value in values:
        readings.append(read_task(value, settings.task))
        await asyncio.sleep(0)  # a large batch must not hold up everybody else
    tasks = (task for task in readings if isinstance(task, ForecastTask))
    n_prices = sum(task.horizon * len(task.quantile_levels) for task in tasks)
    limit = settings.server.max_batch_prices
    if n_prices > limit:
        what = f"a batch may ask for at most {limit} prices, steps times levels"
        raise ProblemError(too_large(what))
    return readings


async def _answers(
    service: ForecastService,
    values: Sequence[object],
    readings: Sequence[ForecastTask | Problem],
    settings: Settings,
) -> AsyncIterator[tuple[int, BatchItem]]:
    """Yield an item for each request, problems first, then answers as they finish."""
    tasks: list[tuple[int, ForecastTask]] = []
    for index, reading in enumerate(readings):
        if isinstance(reading, Problem):
            yield index, _error(reading)
        else:
            tasks.append((index, reading))

    async def answer(
        part: Sequence[tuple[int, ForecastTask]],
    ) -> list[tuple[int, ServedForecast | Refusal]]:
        outcomes = await service.forecast_many(
            [task for _, task in part], deadline_s=settings.resilience.batch_deadline_s
        )
        return [(index, out) for (index, _), out in zip(part, outcomes, strict=True)]

    size = settings.tollama.max_series_per_call
    running = [asyncio.create_task(answer(part)) for part in chunks(tasks, size)]
    try:
        for finished in asyncio.as_completed(running):
            for index, outcome in await finished:
                yield index, _item(outcome, values[index])
    finally:
        for call in running:
            call.cancel()


def _item(outcome: ServedForecast | Refusal, value: object) -> BatchItem:
    if isinstance(outcome, ServedForecast):
        return {"result": answer_to_wire(outcome)}
    return _error(refusal_problem(outcome, value))


def _error(problem: Problem) -> BatchItem:
    return {"error": problem.body()}  # type: ignore[typeddict-item]


async def _lines(items: AsyncIterator[tuple[int, BatchItem]]) -> AsyncIterator[bytes]:
    async for index, item in items:
        yield msgspec.json.encode({"index": index, **item}) + b"\n"
