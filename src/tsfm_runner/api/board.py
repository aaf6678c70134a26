"""The routes that tell how every market stands now."""

import asyncio
import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from tsfm_runner.api.answers import moment_text, rfc3339_text
from tsfm_runner.api.board_schemas import DriftList, MarketDetail, Markets, PriceHistory
from tsfm_runner.api.market_rows import (
    RowWriter,
    drift_entry,
    known_or_none,
    market_row,
    moment,
)
from tsfm_runner.api.openapi import PROBLEMS
from tsfm_runner.api.problems import ProblemError, unseen_market
from tsfm_runner.api.runtime_schemas import RuntimeStatus
from tsfm_runner.api.runtime_status import Gauges
from tsfm_runner.api.whole_path import register_whole_path
from tsfm_runner.api.writing import whole, write
from tsfm_runner.ports import Clock
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.board.market import MarketStanding, Prices
from tsfm_runner.service.grouping import chunks

_AT_A_TIME = 200
_VARY = {"Vary": "Accept-Encoding"}
_LEVEL = 1  # the quickest, and a sixth of the size
_DECIMALS = 6

register_whole_path()

router = APIRouter(
    prefix="/tsfm",
    tags=["markets"],
    responses={status: PROBLEMS[status] for status in (401, 500)},
)


@router.get(
    "/markets",
    summary="Tell how every market stands",
    response_class=Response,
    responses={200: {"model": Markets}},
)
async def markets(request: Request) -> Response:
    """Tell price, band and breach of every market that was forecast lately.

    Those that were not forecast for longest stand first. A market that has closed
    is gone an hour later.
    """
    state = request.app.state
    backend: Backend = state.backend
    writer: RowWriter = state.row_writer
    wall_clock: Clock = state.wall_clock
    market_ids = backend.board.market_ids()
    rows: list[bytes] = []
    for part in chunks(market_ids, _AT_A_TIME):
        rows += writer.written(backend.board, part)
        await asyncio.sleep(0)  # thousands of markets must not hold up a forecast
    head = b'{"now":"%b","n_markets":%d,"rows":[' % (
        moment_text(wall_clock()).encode(),
        len(rows),
    )
    document = head + b",".join(rows) + b"]}"
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return _json(document, _VARY)
    packed = await asyncio.to_thread(gzip.compress, document, _LEVEL)
    return _json(packed, _VARY | {"Content-Encoding": "gzip"})


@router.get(
    "/markets/{market_id:whole}",
    summary="Tell how one market stands",
    response_class=Response,
    responses={200: {"model": MarketDetail}, 404: PROBLEMS[404]},
)
async def market(request: Request, market_id: str) -> Response:
    """Tell all of one market: its prices, and its newest answer as it was given."""
    backend: Backend = request.app.state.backend
    standing = backend.board.standing(market_id)
    history = backend.board.history(market_id)
    if standing is None or history is None:
        raise ProblemError(unseen_market(market_id))
    return _json(msgspec.json.encode(_detail(standing, history)))


def _detail(standing: MarketStanding, history: Prices) -> dict[str, Any]:
    """Return a `MarketDetail`."""
    served = standing.served
    facts = served.task.facts
    return {
        **market_row(standing),
        "history": _history(history),
        "forecast": msgspec.Raw(whole(write(served).head, served)),
        "closes_at": None
        if facts.closes_at is None
        else moment(facts.closes_at.timestamp()),
        "tick_size": facts.tick_size,
        "liquidity_bucket": facts.liquidity_bucket,
    }


def _history(prices: Prices) -> PriceHistory:
    return {
        "ts": [_text(ts_s) for ts_s in prices.times_s.tolist()],
        "y": known_or_none(prices.values, _DECIMALS),
    }


def _text(epoch_s: float) -> str:
    """Return a moment as `moment` does, without pushing others from its memory."""
    return rfc3339_text(datetime.fromtimestamp(epoch_s, UTC).isoformat())


@router.get("/runtime", summary="Tell how the process is")
async def runtime(request: Request) -> RuntimeStatus:
    """Tell of load, ladder, breakers, cache, calibration, ledger and signals.

    Times are those of the last five minutes where somebody looked before, counts
    those since the start. A runtime that does not answer at once is told as it was
    when it was asked last.
    """
    gauges: Gauges = request.app.state.gauges
    return await gauges.status(request.app.state.backend)


@router.get("/drifts", summary="List the drifts found lately")
async def drifts(request: Request) -> DriftList:
    """List segments that started anew since the start, at most 200, newest first."""
    backend: Backend = request.app.state.backend
    return {"drifts": [drift_entry(told) for told in backend.calibrator.drifts]}


def _json(document: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(document, headers=headers, media_type="application/json")
