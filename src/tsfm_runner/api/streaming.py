"""The routes that tell what happens as it happens, by server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tsfm_runner.api.openapi import PROBLEMS
from tsfm_runner.api.page_events import page_events, signal_event
from tsfm_runner.api.problems import ProblemError, ledger_unavailable
from tsfm_runner.api.streams import Streams
from tsfm_runner.domain.signals import BreachQuery, BreachSignal
from tsfm_runner.errors import CalibrationStateError
from tsfm_runner.ports import Ledger
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.feed import Listener

_MAX_ID = 2**63 - 1
_AT_ONCE = 200
_UNSAFE_RETRY_S = 1.0


async def _place(request: Request) -> AsyncIterator[None]:
    """Hold one of the places that streams may take, until it has ended."""
    streams: Streams = request.app.state.streams
    with streams.place():
        request.scope["tsfm.is_stream"] = True
        yield


async def _begin_after(
    request: Request,
    after: Annotated[
        int | None,
        Query(ge=0, le=_MAX_ID, description="Tell what came after this `id`."),
    ] = None,
    last_event_id: Annotated[
        int | None,
        Header(
            ge=0, le=_MAX_ID, description="The same; goes before `after` where both are"
        ),
    ] = None,
) -> int:
    """Return after which signal to begin; without a word, after the newest.

    An id that is newer than all of this ledger is one of another: then everything
    is new to whoever asks.
    """
    backend: Backend = request.app.state.backend
    asked = after if last_event_id is None else last_event_id
    try:
        newest = await backend.calibrator.ledger.breaches(BreachQuery(limit=1))
    except CalibrationStateError as failure:
        raise ProblemError(ledger_unavailable(str(failure))) from failure
    newest_id = newest[0].id if newest else 0
    if asked is None:
        return newest_id
    return asked if asked <= newest_id else 0


router = APIRouter(
    prefix="/tsfm",
    tags=["streams"],
    responses={status: PROBLEMS[status] for status in (401, 500, 503)},
    dependencies=[Depends(_place)],
)


@router.get(
    "/breaches/stream",
    summary="Tell of breaches as they happen",
    response_class=EventSourceResponse,
    responses={422: PROBLEMS[422]},
)
async def stream_breaches(
    request: Request, last_id: Annotated[int, Depends(_begin_after)]
) -> AsyncIterator[ServerSentEvent]:
    """Tell everything that happens to breaches, each thing once and in order.

    An event is called `signal`; its data is an entry of `GET /tsfm/breaches`, its id
    the `id` of that. Whoever comes back with the last id is told first what came
    since: nothing is lost, and nothing is told twice.
    """
    backend: Backend = request.app.state.backend
    with backend.feed.listen(hears_markets=False) as listener:
        signals = _signals_after(last_id, backend.calibrator.ledger, listener)
        async for signal in signals:
            yield signal_event(signal)


@router.get(
    "/stream",
    summary="Tell a page what changes",
    response_class=EventSourceResponse,
)
async def stream_to_page(request: Request) -> AsyncIterator[ServerSentEvent]:
    """Tell what a page that shows markets has to know.

    `hello` with the time comes first. `markets` holds the rows, as of `GET
    /tsfm/markets`, that have changed, at most once a second; `signal` a breach, `drift`
    an entry of `GET /tsfm/drifts`, `runtime` the answer of `GET /tsfm/runtime`. After
    `resync` some of it was left out: everything has to be asked for again.
    """
    async for event in page_events(request.app.state):
        yield event


async def _signals_after(
    last_id: int, ledger: Ledger, listener: Listener
) -> AsyncIterator[BreachSignal]:
    """Yield every signal after an id as soon as it is safe, until the feed ends.

    All are read from the ledger, also those of this moment; the feed only says when
    to look. So there is no seam between what was and what is, and no id is told that
    a process which dies now could give to another signal.
    """
    told_of = last_id
    while True:
        try:
            found = await ledger.signals_after(last_id, limit=_AT_ONCE)
        except CalibrationStateError:
            return  # whoever asks again is told why
        for signal in found:
            yield signal
        last_id = found[-1].id if found else last_id
        if len(found) == _AT_ONCE:
            continue
        # What cannot be written now is tried again by the ledger, and so is this.
        is_behind = last_id < told_of
        events = await listener.next_events(
            timeout_s=_UNSAFE_RETRY_S if is_behind else None
        )
        if events is None:
            return
        told_of = max([told_of, *_ids(events.told)])


def _ids(told: tuple[Any, ...]) -> list[int]:
    return [one.id for one in told if isinstance(one, BreachSignal)]
