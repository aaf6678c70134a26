"""Faults of the connection: nothing, too late, or something that is no answer."""

from aiohttp import web

from tsfm_runner.testing.fake_tollama.edge import MEMORY, mark
from tsfm_runner.testing.fake_tollama.options import Fault

_DRIP_BYTES = 16
_DRIP_INTERVAL_S = 0.1


async def deliver_broken(
    request: web.Request, fault: Fault | None, text: str
) -> web.StreamResponse | None:
    """Return what goes out in place of the answer; None when nothing is broken."""
    if fault is Fault.NOT_JSON:
        return web.Response(text="<html>It works!</html>", content_type="text/html")
    if fault is Fault.HANG:
        await request.app[MEMORY].is_closing.wait()
    if fault in (Fault.HANG, Fault.DROP):
        return _drop(request)
    if fault is Fault.SLOW_DRIP:
        return await _drip(request, text.encode())
    return None


def _drop(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _drip(request: web.Request, body: bytes) -> web.StreamResponse:
    """Send the answer in drops until it is out or nobody listens."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    mark(request, response)
    await response.prepare(request)
    is_closing = request.app[MEMORY].is_closing
    for start in range(0, len(body), _DRIP_BYTES):
        if is_closing.is_set() or request.transport is None:
            return _drop(request)
        await response.write(body[start : start + _DRIP_BYTES])
        await request.app[MEMORY].work(_DRIP_INTERVAL_S)
    return response
