"""Simulated markets are told to a service, here to a double of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from aiohttp import ClientResponseError, web
from aiohttp.test_utils import TestServer

from tsfm_runner.adapters.settings import LoadedSettings
from tsfm_runner.cli.demo import Demo, LivingDemo, demo_session, settings_for_demo
from tsfm_runner.config import AuthConfig, Settings

DEMO = Demo(n_markets=3, seconds_per_step=0.02, seed=7, begins_at_s=1_767_225_600.0)


class Double:
    """Takes batches; answers the first ones with other statuses."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[str | None] = []
        self.has_moved_on = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 200
        self.headers.append(request.headers.get("Authorization"))
        if status == 200:
            self.bodies.append(await request.json())
        if len(self.bodies) > 40:
            self.has_moved_on.set()
        return web.json_response({}, status=status, headers={"Retry-After": "0"})


@asynccontextmanager
async def living(double: Double, auth: AuthConfig) -> AsyncIterator[LivingDemo]:
    site = web.Application()
    site.router.add_post("/tsfm/forecast/batch", double.take)
    async with TestServer(site) as server, demo_session(auth) as session:
        url = str(server.make_url("/")).rstrip("/")
        yield LivingDemo(DEMO, DEMO.new_clock(), session, url)


def moments(double: Double) -> list[datetime]:
    return [
        datetime.fromisoformat(one["as_of_ts"])
        for body in double.bodies
        for one in body["requests"][:1]
    ]


async def test_markets_warm_up_and_then_live_on_step_by_step() -> None:
    double = Double()
    async with living(double, AuthConfig()) as demo:
        await demo.warm_up()
        task = asyncio.create_task(demo.live())
        await double.has_moved_on.wait()
        task.cancel()

    times = moments(double)
    assert times == sorted(set(times))
    assert (times[35] - times[0]).total_seconds() == 35 * 300
    assert len(double.bodies[0]["requests"]) == 3
    assert double.headers[0] is None


async def test_a_busy_service_is_asked_again_and_a_key_is_shown() -> None:
    double = Double(503, 429)
    auth = AuthConfig.model_validate({"keys": {"desk": "0123456789abcdef"}})
    async with living(double, auth) as demo:
        await demo.warm_up()

    assert len(moments(double)) == 36
    assert set(double.headers) == {"Bearer 0123456789abcdef"}


async def test_a_service_that_says_no_ends_it() -> None:
    async with living(Double(401), AuthConfig()) as demo:
        with pytest.raises(ClientResponseError):
            await demo.warm_up()


def test_what_nobody_has_set_is_kept_in_memory_for_a_while() -> None:
    names = ("store.url", "store.max_age_days", "log.level")
    loaded = LoadedSettings(Settings(), dict.fromkeys(names, "default"))

    settings = settings_for_demo(loaded)

    assert settings.store.url == "sqlite://"
    assert settings.store.max_age_days < Settings().store.max_age_days
    assert settings.log.level == "warning"


def test_what_somebody_has_set_stays() -> None:
    names = ("store.url", "store.max_age_days", "log.level")
    loaded = LoadedSettings(Settings(), dict.fromkeys(names, "env TSFM_OF_THE_USER"))

    assert settings_for_demo(loaded) == Settings()
