"""A request is found again in the logs of both sides, and no secret is in ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from httpx2 import AsyncClient
from tests.api.wire import FORECAST, a_request, an_app, prices, started, with_tollama

from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, create_fake_tollama

TOKEN = "token-of-the-daemon-that-nobody-may-see"
KEY = "key-of-sixteen-characters-or-more"


class Daemon:
    """Remembers the ids that forecasts were asked for with."""

    def __init__(self) -> None:
        self.ids: list[str | None] = []
        self.traces: list[str | None] = []

    @web.middleware
    async def listen(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401 - aiohttp's
        if request.path == "/v1/forecast":
            self.ids.append(request.headers.get("X-Request-ID"))
            self.traces.append(request.headers.get("traceparent"))
        response: web.StreamResponse = await handler(request)
        return response


@asynccontextmanager
async def before(
    daemon: web.Application,
    log: StringIO,
    **sections: Any,  # noqa: ANN401 - settings
) -> AsyncIterator[AsyncClient]:
    """Serve before a daemon; give a client of the service."""
    async with TestServer(daemon) as server:
        tollama = {"url": str(server.make_url("/")), "token": TOKEN, "model": "mock"}
        settings = with_tollama(
            tollama=tollama, log={"level": "debug", "format": "json"}, **sections
        )
        async with started(an_app(settings, log=log)) as client:
            yield client


async def asks(client: AsyncClient, market_id: str, request_id: str) -> None:
    body = a_request(y=prices(60), market_id=market_id)
    headers = {"X-Request-ID": request_id, "X-API-Key": KEY}
    answer = await client.post(FORECAST, json=body, headers=headers)
    assert answer.status_code == 200


async def test_the_daemon_gets_the_id_of_the_request() -> None:
    log, heard = StringIO(), Daemon()
    daemon = create_fake_tollama(FakeTollamaOptions())
    daemon.middlewares.append(heard.listen)

    async with before(daemon, log) as client:
        await asks(client, "a", "order-17")

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    [line] = [one for one in lines if one["event"] == "forecast"]
    assert line["runtime"] == "tollama"
    assert heard.ids == [line["request_id"]] == ["order-17"]
    assert heard.traces == [None]


async def test_requests_that_share_a_call_are_all_named() -> None:
    heard = Daemon()
    daemon = create_fake_tollama(FakeTollamaOptions())
    daemon.middlewares.append(heard.listen)

    async with before(daemon, StringIO()) as client:
        names = [f"order-{number}" for number in range(8)]
        await asyncio.gather(*(asks(client, name, name) for name in names))

    named = [name for ids in heard.ids if ids for name in ids.split(",")]
    assert sorted(named) == names
    assert len(heard.ids) < len(names)


def echoing(status: int) -> web.Application:
    """Return a daemon that sends back whatever it got, headers and body."""

    async def echo(request: web.Request) -> web.Response:
        text = f"{dict(request.headers)}\r\n{await request.text()}"
        return web.json_response({"detail": text}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    return app


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_no_secret_and_no_body_is_logged_whatever_the_daemon_echoes(
    status: int,
) -> None:
    log = StringIO()
    auth = {"keys": {"desk": KEY}}

    async with before(echoing(status), log, auth=auth) as client:
        await asks(client, "a\nb", "order-17")
        for key in (KEY[:-1], f"{KEY}\tx"):
            headers = {"Authorization": f"Bearer {key}", "Cookie": "my-cookie"}
            answer = await client.post(FORECAST, content=b"my-body", headers=headers)
            assert answer.status_code == 401

    text = log.getvalue()
    events = [json.loads(line)["event"] for line in text.splitlines()]
    assert "runtime_call_failed" in events
    assert "forecast" in events
    for secret in (TOKEN, KEY[:-1], "my-cookie", "my-body", "0.41", "Bearer"):
        assert secret not in text
