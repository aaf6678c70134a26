"""The routes that tell what was served, and how it did."""

import asyncio
import math
from typing import Annotated, NamedTuple, cast

import msgspec
from fastapi import APIRouter, Query, Request, Response

from tsfm_runner.api.answers import (
    level_keys,
    moment_text,
    plain_columns,
    step_times,
)
from tsfm_runner.api.ledger_schemas import (
    CoverageEntry,
    CoveragePage,
    CoverageQuery,
    ForecastsQuery,
    IntervalCoverage,
    StoredForecast,
    StoredForecasts,
)
from tsfm_runner.api.openapi import PROBLEMS
from tsfm_runner.api.paging import cursor_of, place_of
from tsfm_runner.api.problems import ProblemError, ledger_unavailable, unknown_market
from tsfm_runner.api.whole_path import register_whole_path
from tsfm_runner.domain.calibration import ConformalStatus, IntervalRecord
from tsfm_runner.domain.frequency import Frequency, step_text
from tsfm_runner.domain.ledger import LedgerForecast
from tsfm_runner.errors import CalibrationStateError, LedgerUnavailableError
from tsfm_runner.ports import Ledger
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.coverage import CoverageQuestion, CoverageRow, coverage

_READ_AT_ONCE = 25
_MAX_PRICES = 500_000  # of one page, about 10 MB
_DECIMALS = 6

register_whole_path()

router = APIRouter(
    prefix="/tsfm",
    tags=["ledger"],
    responses={status: PROBLEMS[status] for status in (401, 422, 500)},
)


@router.get(
    "/forecasts/{market_id:whole}",
    summary="List the forecasts of a market",
    response_class=Response,
    responses={
        200: {"model": StoredForecasts},
        404: PROBLEMS[404],
        503: PROBLEMS[503],
    },
)
async def forecasts(
    request: Request, market_id: str, query: Annotated[ForecastsQuery, Query()]
) -> Response:
    """List what was answered about a market, newest first, and what became of it."""
    backend: Backend = request.app.state.backend
    ledger = backend.calibrator.ledger
    try:
        page = await _read_page(ledger, market_id, query)
        if not page.forecasts and not await _knows(ledger, market_id):
            raise ProblemError(unknown_market(market_id))
    except (CalibrationStateError, LedgerUnavailableError) as failure:
        raise ProblemError(ledger_unavailable(str(failure))) from failure
    document = await asyncio.to_thread(_written, market_id, page)
    return Response(document, media_type="application/json")


class _Page(NamedTuple):
    """Forecasts of a market, and whether older ones follow."""

    forecasts: list[LedgerForecast]
    is_last: bool


async def _read_page(ledger: Ledger, market_id: str, query: ForecastsQuery) -> _Page:
    since_s = -math.inf if query.since is None else query.since
    before_id = None if query.cursor is None else place_of(query.cursor)
    found: list[LedgerForecast] = []
    n_prices = 0
    while len(found) <= query.limit and n_prices <= _MAX_PRICES:
        n_asked = min(_READ_AT_ONCE, query.limit + 1 - len(found))
        part = await ledger.forecasts(
            market_id, since_s=since_s, before_id=before_id, limit=n_asked
        )
        found += part
        if len(part) < n_asked:
            return _Page(found, is_last=True)
        n_prices += sum(2 * one.entry.published.size for one in part)
        before_id = part[-1].entry.id
    return _Page(found[:-1], is_last=False)


async def _knows(ledger: Ledger, market_id: str) -> bool:
    known = await ledger.forecasts(
        market_id, since_s=-math.inf, before_id=None, limit=1
    )
    return bool(known)


def _written(market_id: str, page: _Page) -> bytes:
    last = None if page.is_last else cursor_of(page.forecasts[-1].entry.id)
    document: StoredForecasts = {
        "market_id": market_id,
        "forecasts": [_stored(one) for one in page.forecasts],
        "next_cursor": last,
    }
    return msgspec.json.encode(document)


def _stored(forecast: LedgerForecast) -> StoredForecast:
    entry = forecast.entry
    keys = level_keys(entry.quantile_levels)
    as_of = moment_text(entry.cutoff_s, timespec="auto")
    *columns, lower, upper = plain_columns(entry.published, entry.raw, entry.target)
    [outcomes] = plain_columns(forecast.outcomes[:, None])
    return {
        "forecast_id": entry.forecast_id,
        "as_of_ts": as_of,
        "freq": step_text(entry.step_s),
        "horizon_steps": entry.horizon,
        "quantiles": list(entry.quantile_levels),
        "ts": list(step_times(as_of, entry.step_s, entry.horizon)),
        "yhat_q": dict(zip(keys, columns[: len(keys)], strict=True)),
        "yhat_q_raw": dict(zip(keys, columns[len(keys) :], strict=True)),
        "lower": lower,
        "upper": upper,
        "model_name": entry.model_name,
        "model_version": entry.model_version,
        "runtime": entry.runtime,
        "fallback_reason": entry.fallback_reason,
        "segment": entry.segment,
        "status": cast("ConformalStatus", entry.status),
        "state_version": entry.state_version,
        "recorded_at": moment_text(entry.recorded_at_s),
        "outcomes": [None if math.isnan(y) else y for y in outcomes],
    }


@router.get("/coverage", summary="Tell how the bands did")
async def tell_coverage(
    request: Request, query: Annotated[CoverageQuery, Query()]
) -> CoveragePage:
    """Tell what share of outcomes the bands held, and how wide they were.

    `served` is the 10/90 interval as it was published, `raw` the same as the model
    drew it, `target` the interval at the target coverage.
    """
    backend: Backend = request.app.state.backend
    state = backend.calibrator.state
    start = 0 if query.cursor is None else place_of(query.cursor)
    rows, n_rows = coverage(state, _question(query), start=start, limit=query.limit)
    end = start + len(rows)
    return {
        "target_coverage": state.config.target_coverage,
        "rows": [_entry(row) for row in rows],
        "next_cursor": cursor_of(end) if rows and end < n_rows else None,
    }


def _question(query: CoverageQuery) -> CoverageQuestion:
    return CoverageQuestion(
        model_name=query.model,
        model_version=query.version,
        step_s=None if query.freq is None else Frequency.parse(query.freq).step_s,
        segment=frozenset(query.segment.split(",") if query.segment else ()),
        step=query.step,
        is_shadow=None if query.shadow is None else query.shadow == "true",
        group_by=query.group_by.split(","),
    )


def _entry(row: CoverageRow) -> CoverageEntry:
    return {
        "model_name": row.model_name,
        "model_version": row.model_version,
        "freq": None if row.step_s is None else step_text(row.step_s),
        "kind": None
        if row.is_shadow is None
        else ("shadow" if row.is_shadow else "served"),
        "segment": row.segment,
        "step": row.step,
        "n": row.n,
        "n_effective": None if row.n_effective is None else round(row.n_effective, 1),
        "served": _interval(row.served, row.n),
        "raw": _interval(row.raw, row.n),
        "target": _interval(row.target, row.n),
    }


def _interval(record: IntervalRecord, n: int) -> IntervalCoverage:
    return {
        "closed": round(record.n_closed / n, _DECIMALS),
        "open": round(record.n_open / n, _DECIMALS),
        "mean_width": round(record.mean_width, _DECIMALS),
        "interval_score": round(record.mean_interval_score, _DECIMALS),
    }
