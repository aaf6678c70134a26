"""The two forecast routes of a daemon: one answer, as a document or as lines."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from tsfm_runner.api.decode import beside_loop_if_large
from tsfm_runner.api.desk import Desk, Visit
from tsfm_runner.api.hot import Endpoint
from tsfm_runner.api.openapi import request_body
from tsfm_runner.api.problems import ProblemError, too_large
from tsfm_runner.api.spending import charge_more
from tsfm_runner.api.tollama.answers import Timing, answer_of
from tsfm_runner.api.tollama.errors import bad_request
from tsfm_runner.api.tollama.models import find_model
from tsfm_runner.api.tollama.ndjson import NDJSON, forecast_lines
from tsfm_runner.api.tollama.reading import read_large
from tsfm_runner.api.tollama.schemas import TollamaForecast, TollamaStreamedForecast
from tsfm_runner.api.tollama.translate import Question, questions_of
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.forecasting import ForecastService, Outcome
from tsfm_runner.service.parts import in_parts

_LINES: Mapping[int | str, dict[str, Any]] = {
    200: {"content": {NDJSON: {"schema": {"type": "string"}}}}
}
_THREAD_ABOVE_PRICES = 20_000
Body = TypeVar("Body", bound=TollamaForecast)

router = APIRouter(tags=["tollama"])


@router.post(
    "/v1/forecast",
    summary="Forecast as tollama does",
    openapi_extra=request_body(TollamaForecast),
)
async def forecast_document(request: Request) -> Response:
    """Answer in the words of a tollama daemon, with one JSON document."""
    return await _forecast(
        request, TollamaForecast, lambda _, answer: _document(answer)
    )


@router.post(
    "/api/forecast",
    summary="Forecast as tollama does, in lines",
    openapi_extra=request_body(TollamaStreamedForecast),
    responses=dict(_LINES),
)
async def forecast_any(request: Request) -> Response:
    """Answer in the words of a tollama daemon: in lines, unless `stream` is false."""
    return await _forecast(request, TollamaStreamedForecast, _lines_or_document)


FORECAST_ROUTES: Mapping[str, Endpoint] = {
    "/v1/forecast": forecast_document,
    "/api/forecast": forecast_any,
}


def _lines_or_document(body: TollamaStreamedForecast, answer: object) -> Response:
    return forecast_lines(answer) if body.stream else _document(answer)


def _document(answer: object) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


async def _forecast(
    request: Request, kind: type[Body], write: Callable[[Body, object], Response]
) -> Response:
    state = request.app.state
    settings: Settings = state.settings
    backend: Backend = state.backend
    desk: Desk = state.desk
    limits = settings.resilience
    arrival = desk.visit(request.scope, deadline_s=limits.batch_deadline_s)
    body, raw = await read_large(request, kind, settings.server)
    served = await find_model(backend.catalogue, body.model)
    charge_more(request.scope, len(body.series) - 1)
    _require_few_prices(body, limit=settings.server.max_batch_prices)
    read = partial(questions_of, body, served, settings.task)
    questions = await beside_loop_if_large(read, raw)
    is_alone = len(questions) == 1
    visit = arrival._replace(deadline_s=limits.deadline_s) if is_alone else arrival
    begun_s = desk.elapsed_s(visit)
    size = settings.tollama.max_series_per_call
    answers = await _ask(backend.forecasts, questions, visit, size=size)
    ended_s = desk.elapsed_s(visit)
    if not is_alone:
        backend.telemetry.cycle_finished(ended_s)
    timing = Timing(1_000 * (ended_s - begun_s), 1_000 * ended_s)

    def written() -> Response:
        return write(body, answer_of(body, questions, answers, timing))

    if _n_prices(body) > _THREAD_ABOVE_PRICES:  # others need not wait for it
        return await asyncio.to_thread(written)
    return written()


def _n_prices(body: TollamaForecast) -> int:
    n_levels = len(body.quantiles) + 1  # the median is always told
    return len(body.series) * body.horizon * n_levels


def _require_few_prices(body: TollamaForecast, *, limit: int) -> None:
    if _n_prices(body) > limit:
        what = f"a request may ask for at most {limit} prices, steps times levels"
        raise ProblemError(too_large(what))


async def _ask(
    service: ForecastService, questions: Sequence[Question], visit: Visit, *, size: int
) -> list[ServedForecast]:
    """Return the answer to each question, in order; all of them, or a problem."""

    async def answer(part: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        outcomes = await service.forecast_many(
            [questions[place].task for place in part],
            deadline_s=visit.deadline_s,
            request_id=visit.request_id,
            is_overloaded=visit.is_overloaded,
            traceparent=visit.traceparent,
        )
        return zip(part, outcomes, strict=True)

    answers: dict[int, ServedForecast] = {}
    async with aclosing(in_parts(answer, len(questions), size=size)) as parts:
        async for part in parts:
            for place, outcome in part:
                answers[place] = _served(outcome, questions[place])
    return [answers[place] for place in range(len(questions))]


def _served(outcome: Outcome, question: Question) -> ServedForecast:
    if isinstance(outcome, ServedForecast):
        return outcome
    raise ProblemError(bad_request(f"series {question.task.market_id!r}: {outcome}"))
