"""What a page is told: changed markets, signals, drifts, how the process is."""

from collections.abc import AsyncIterator, Collection, Iterator
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi.sse import ServerSentEvent
from starlette.datastructures import State

from tsfm_runner.api.answers import moment_text
from tsfm_runner.api.breach_schemas import breach_of
from tsfm_runner.api.market_rows import RowWriter, drift_entry
from tsfm_runner.api.runtime_schemas import RuntimeStatus
from tsfm_runner.api.streams import RUNTIME_INTERVAL_S, LatelyTold
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.feed import Told
from tsfm_runner.service.grouping import chunks

_PAUSE_S = 1.0
_ROWS_AT_ONCE = 200  # so that what a page that has stalled holds up is small

_encode = msgspec.json.Encoder().encode


async def page_events(state: State) -> AsyncIterator[ServerSentEvent]:
    """Yield what happens until the feed ends; ``state`` is that of the application."""
    backend: Backend = state.backend
    lately_told: LatelyTold = state.lately_told
    known: RuntimeStatus | None = None
    with backend.feed.listen() as listener:
        now = moment_text(state.wall_clock())
        yield _event("hello", {"now": now, "version": version("tsfm-runner")})
        while True:
            status = await lately_told.status(backend)
            if known is None or _is_news(status, known):
                known = status
                yield _event("runtime", status)
            events = await listener.next_events(timeout_s=RUNTIME_INTERVAL_S)
            if events is None:
                return
            if events.has_missed:
                yield _event("resync", {})
            for told in events.told:
                yield _told(told)
            for event in _rows(state.row_writer, backend, events.market_ids):
                yield event
            await listener.rest(_PAUSE_S)


def signal_event(signal: BreachSignal) -> ServerSentEvent:
    """Return the event that tells of one signal."""
    document = _encode(breach_of(signal)).decode()
    return ServerSentEvent(event="signal", id=str(signal.id), raw_data=document)


def _is_news(status: RuntimeStatus, known: RuntimeStatus) -> bool:
    return {**status, "now": ""} != {**known, "now": ""}


def _rows(
    writer: RowWriter, backend: Backend, market_ids: Collection[str]
) -> Iterator[ServerSentEvent]:
    for part in chunks(sorted(market_ids), _ROWS_AT_ONCE):
        if rows := writer.written(backend.board, part):
            document = b'{"rows":[' + b",".join(rows) + b"]}"
            yield ServerSentEvent(event="markets", raw_data=document.decode())


def _told(told: Told) -> ServerSentEvent:
    if isinstance(told, BreachSignal):
        return signal_event(told)
    return _event("drift", drift_entry(told))


def _event(name: str, data: Any) -> ServerSentEvent:  # noqa: ANN401 - any JSON
    return ServerSentEvent(event=name, raw_data=_encode(data).decode())
