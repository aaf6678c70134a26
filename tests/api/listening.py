"""A real server around an application, and those who listen to its streams."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import uvicorn
from tests.api.wire import until

from tsfm_runner.api.app import Application
from tsfm_runner.cli.joined_writes import joined_http
from tsfm_runner.cli.serving import bind
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.service.backend import Backend

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Service:
    """An application behind a socket, and what is inside of it."""

    app: Application
    http: aiohttp.ClientSession

    @property
    def backend(self) -> Backend:
        backend: Backend = self.app.site.state.backend
        return backend

    @property
    def n_streams(self) -> int:
        n_open: int = self.app.site.state.streams.n_open
        return n_open

    def tell(self, *signals: BreachSignal) -> None:
        """Let signals happen, as the engine does."""
        self.backend.calibrator.ledger.append(signals)
        for signal in signals:
            self.backend.feed.signal(signal)

    @asynccontextmanager
    async def stream(
        self, path: str, **headers: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self.http.get(path, headers=headers) as answer:
            yield answer


@asynccontextmanager
async def served(app: Application) -> AsyncIterator[Service]:
    """Serve the application on a free port."""
    config = uvicorn.Config(
        app, http=cast("type[asyncio.Protocol]", joined_http), log_config=None
    )
    server = uvicorn.Server(config)
    with closing(bind("127.0.0.1", 0)) as bound:
        serving = asyncio.create_task(server._serve([bound]))  # noqa: SLF001 - signals stay ours
        await until(lambda: server.started)
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with aiohttp.ClientSession(url) as http:
            yield Service(app, http)
        app.end_streams()
        server.should_exit = True
        await serving


async def heard(answer: aiohttp.ClientResponse, count: int) -> list[Mapping[str, Any]]:
    """Return so many events: their fields by name; pings are left out."""
    events: list[Mapping[str, Any]] = []
    fields: dict[str, str] = {}
    async with asyncio.timeout(PATIENCE_S):
        while len(events) < count:
            line = (await answer.content.readline()).decode()
            assert line, "the stream ended"
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif fields:
                events.append(fields)
                fields = {}
    return events


async def ids(answer: aiohttp.ClientResponse, count: int) -> list[int]:
    """Return the ids of so many events."""
    return [int(event["id"]) for event in await heard(answer, count)]
