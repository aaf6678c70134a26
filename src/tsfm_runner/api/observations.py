"""The route that takes what happened."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from fastapi import APIRouter, Request
from pydantic import ValidationError

from tsfm_runner.api.decode import (
    beside_loop_if_large,
    parse_json,
    read_body,
    require_few_values,
)
from tsfm_runner.api.ledger_schemas import (
    Observation,
    Observations,
    ObservationsTaken,
)
from tsfm_runner.api.openapi import PROBLEMS, request_body
from tsfm_runner.api.problems import (
    ProblemError,
    field_error,
    field_errors,
    invalid_request,
    ledger_unavailable,
)
from tsfm_runner.config import Settings
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.errors import LedgerUnavailableError
from tsfm_runner.ports import Clock
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.calibration.points import MarketPoints

_MOST_AHEAD_S = 86_400

router = APIRouter(prefix="/tsfm", tags=["ledger"])


@router.post(
    "/observations",
    status_code=202,
    summary="Tell what happened",
    responses={status: PROBLEMS[status] for status in (400, 401, 413, 422, 500, 503)},
    openapi_extra=request_body(Observations),
)
async def observations(request: Request) -> ObservationsTaken:
    """Take prices as they were, so that bands can be scored.

    They are safe when the answer comes. The same price may be told any number of
    times: it counts once. A market need not have been forecast.
    """
    state = request.app.state
    settings: Settings = state.settings
    backend: Backend = state.backend
    wall_clock: Clock = state.wall_clock
    server = settings.server
    body = await read_body(
        request, max_bytes=server.max_batch_body_bytes, timeout_s=server.body_timeout_s
    )
    require_few_values(body, max_values=server.max_batch_values)
    latest_s = wall_clock() + _MOST_AHEAD_S
    points = await beside_loop_if_large(partial(_read, body, latest_s), body)
    told = backend.calibrator.tell(points, source="observation")
    backend.board.observed(points)
    try:
        await backend.calibrator.ledger.commit()
    except LedgerUnavailableError as failure:
        raise ProblemError(ledger_unavailable(str(failure))) from failure
    return {"stored": told.n_points, "scored": told.n_scored}


def _read(body: bytes, latest_s: float) -> list[MarketPoints]:
    """Return the points of a body by market; raise ``ProblemError`` for a wrong one."""
    try:
        told = Observations.model_validate(parse_json(body)).root
    except ValidationError as failure:
        raise ProblemError(invalid_request(field_errors(failure))) from failure
    _require_past(told, latest_s)
    return _by_market(_prices(told))


def _require_past(told: Sequence[Observation], latest_s: float) -> None:
    for place, one in enumerate(told):
        if one.ts > latest_s:
            rule = "must not be more than a day ahead of this service's clock"
            error = field_error((place, "ts"), rule, one.ts)
            raise ProblemError(invalid_request([error]))


def _prices(told: Sequence[Observation]) -> dict[tuple[str, float], float]:
    """Return the price of each market and time, each said once."""
    places: dict[tuple[str, float], int] = {}
    for place, one in enumerate(told):
        first = places.setdefault((one.market_id, one.ts), place)
        if told[first].y != one.y:
            rule = (
                f"differs from item {first}, which says {told[first].y:g} of the same "
                "market and time"
            )
            error = field_error((place, "y"), rule, one.y)
            raise ProblemError(invalid_request([error]))
    return {moment: told[place].y for moment, place in places.items()}


def _by_market(prices: dict[tuple[str, float], float]) -> list[MarketPoints]:
    markets: dict[str, list[tuple[float, float]]] = {}
    for (market_id, ts_s), y in prices.items():
        markets.setdefault(market_id, []).append((ts_s, y))
    return [
        MarketPoints(market_id, *_columns(sorted(points)))
        for market_id, points in markets.items()
    ]


def _columns(points: list[tuple[float, float]]) -> tuple[FloatArray, FloatArray]:
    times_s, prices = np.array(points).T
    return times_s, prices
