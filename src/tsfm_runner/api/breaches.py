"""The route that tells which prices have left their bands."""

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request

from tsfm_runner.api.breach_schemas import Breaches, BreachesQuery, breach_of
from tsfm_runner.api.openapi import PROBLEMS
from tsfm_runner.api.paging import cursor_of, place_of
from tsfm_runner.api.problems import ProblemError, ledger_unavailable
from tsfm_runner.domain.signals import BreachQuery, Severity
from tsfm_runner.errors import CalibrationStateError
from tsfm_runner.service.backend import Backend

router = APIRouter(
    prefix="/tsfm",
    tags=["breaches"],
    responses={status: PROBLEMS[status] for status in (401, 422, 500)},
)


@router.get("/breaches", summary="List the breaches", responses={503: PROBLEMS[503]})
async def breaches(
    request: Request, query: Annotated[BreachesQuery, Query()]
) -> Breaches:
    """List breaches as they are now, the one to which something happened last first.

    Everything that happens to a breach has the same `dedupe_key`.
    """
    backend: Backend = request.app.state.backend
    try:
        found = await backend.calibrator.ledger.breaches(_asked(query))
    except CalibrationStateError as failure:
        raise ProblemError(ledger_unavailable(str(failure))) from failure
    page, is_last = found[: query.limit], len(found) <= query.limit
    return {
        "breaches": [breach_of(signal) for signal in page],
        "next_cursor": None if is_last else cursor_of(page[-1].id),
    }


def _asked(query: BreachesQuery) -> BreachQuery:
    return BreachQuery(
        since_s=query.since,
        severities=None
        if query.severity is None
        else frozenset(cast("list[Severity]", query.severity.split(","))),
        market_id=query.market_id,
        is_open=None if query.is_open is None else query.is_open == "true",
        before_id=None if query.cursor is None else place_of(query.cursor),
        limit=query.limit + 1,  # one more tells whether there is another page
    )
