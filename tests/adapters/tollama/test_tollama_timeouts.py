"""Silence: the time we were given is all that we take."""

import asyncio

import pytest
from aiohttp import web
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    a_call,
    an_answer,
    replying,
    runtime_answered_by,
)

from tsfm_runner.errors import RuntimeTimeoutError

_SHORT_S = 0.05


async def test_silence_ends_at_the_deadline() -> None:
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with runtime_answered_by(silent) as runtime:
        with pytest.raises(RuntimeTimeoutError):
            await runtime.predict(a_call(), timeout_s=_SHORT_S)
        released.set()


async def test_slow_drip_ends_at_the_deadline() -> None:
    released = asyncio.Event()

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"forecasts": [')
        await released.wait()
        return response

    async with runtime_answered_by(dripping) as runtime:
        with pytest.raises(RuntimeTimeoutError):
            await runtime.predict(a_call(), timeout_s=_SHORT_S)
        released.set()


@pytest.mark.parametrize("timeout_s", [0, -1])
async def test_no_time_at_all_is_a_timeout(timeout_s: float) -> None:
    async with runtime_answered_by(replying(b"{}")) as runtime:
        with pytest.raises(RuntimeTimeoutError):
            await runtime.predict(a_call(), timeout_s=timeout_s)


async def test_waiting_for_a_free_connection_counts_as_time() -> None:
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await released.wait()
        return web.json_response(an_answer("a"))

    async with runtime_answered_by(silent) as runtime:
        busy = [
            asyncio.ensure_future(runtime.predict(a_call(), timeout_s=TIMEOUT_S))
            for _ in range(2)
        ]
        with pytest.raises(RuntimeTimeoutError):
            await runtime.predict(a_call(), timeout_s=_SHORT_S)
        released.set()
        answers = await asyncio.gather(*busy)

    assert len(answers) == 2


async def test_caller_that_gives_up_is_not_told_of_a_timeout() -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        arrived.set()
        await released.wait()
        return web.Response()

    async with runtime_answered_by(silent) as runtime:
        call = asyncio.ensure_future(runtime.predict(a_call(), timeout_s=TIMEOUT_S))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        released.set()
