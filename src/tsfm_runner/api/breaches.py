"""The route that tells which prices have left their bands."""

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request

from tsfm_runner.api.breach_schemas import (
    N_PLACES,
    Breaches,
    BreachesQuery,
    breach_of,
)
from tsfm_runner.api.openapi import PROBLEMS
from tsfm_runner.api.paging import cursor_of, places_of
from tsfm_runner.api.problems import ProblemError, ledger_unavailable
from tsfm_runner.domain.signals import BreachQuery, Severity
from tsfm_runner.errors import CalibrationStateError
from tsfm_runner.ports import Ledger
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
        as_of_id, before_id = await _place(query, backend.calibrator.ledger)
        found = await backend.calibrator.ledger.breaches(
            _asked(query, as_of_id, before_id)
        )
    except CalibrationStateError as failure:
        raise ProblemError(ledger_unavailable(str(failure))) from failure
    page, is_last = found[: query.limit], len(found) <= query.limit
    return {
        "breaches": [breach_of(signal) for signal in page],
        "next_cursor": None if is_last else cursor_of(as_of_id, page[-1].id),
    }


async def _place(query: BreachesQuery, ledger: Ledger) -> tuple[int, int | None]:
    """Return as of which id breaches are listed, and below which the page begins.

    All pages show one moment: a breach to which something happens meanwhile would
    go over to the pages that were read.
    """
    if query.cursor is not None:
        as_of_id, before_id = places_of(query.cursor, N_PLACES)
        return as_of_id, before_id
    newest = await ledger.breaches(BreachQuery(limit=1))
    return newest[0].id if newest else 0, None


def _asked(query: BreachesQuery, as_of_id: int, before_id: int | None) -> BreachQuery:
    return BreachQuery(
        since_s=query.since,
        severities=None
        if query.severity is None
        else frozenset(cast("list[Severity]", query.severity.split(","))),
        market_id=query.market_id,
        is_open=None if query.is_open is None else query.is_open == "true",
        before_id=before_id,
        as_of_id=as_of_id,
        limit=query.limit + 1,  # one more tells whether there is another page
    )
