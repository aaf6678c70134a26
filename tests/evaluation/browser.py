"""A headless Chromium that can reach nothing, over its debugging protocol."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-port=0",
    "about:blank",
)
_PATIENCE_S = 60.0
_MAX_MESSAGE = 1 << 28
_LISTENING = re.compile(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
_COMPLAINTS = {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"}


class Page:
    """One tab: what it is told to do, what it asked for, and what it complained of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._n_sent = 0
        self.complaints: list[dict[str, Any]] = []
        self.requested: list[str] = []

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and return its result; events on the way are kept."""
        self._n_sent += 1
        message = {"id": self._n_sent, "method": method, "params": params}
        await self._socket.send_str(json.dumps(message))
        while True:
            told = json.loads(await self._socket.receive_str(timeout=_PATIENCE_S))
            if told.get("id") == self._n_sent:
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def _note(self, event: dict[str, Any]) -> None:
        if event["method"] in _COMPLAINTS:
            self.complaints.append(event["params"])
        if event["method"] == "Network.requestWillBeSent":
            self.requested.append(event["params"]["request"]["url"])

    async def show(self, path: Path, *, width_px: int, is_dark: bool = False) -> None:
        """Open a file at a width and wait until its plots are drawn."""
        for domain in ("Runtime", "Log", "Network", "Page"):
            await self.call(f"{domain}.enable")
        scheme = {
            "name": "prefers-color-scheme",
            "value": "dark" if is_dark else "light",
        }
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width_px,
            height=1000,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.call("Page.navigate", url=path.as_uri())
        await self.wait_for("Boolean(document.documentElement?.dataset.drawn)")

    async def wait_for(self, claim: str) -> None:
        """Wait until an expression is true in the page."""
        await self.value(
            "new Promise((done) => {"
            f"const look = () => {claim} ? done(true) : setTimeout(look, 20);"
            "look(); })"
        )

    async def value(self, expression: str) -> Any:  # noqa: ANN401
        """Return the value of an expression in the page."""
        told = await self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")


@asynccontextmanager
async def opened_page(profile: Path) -> AsyncIterator[Page]:
    """Start a browser on an empty profile, and end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM),
        f"--user-data-dir={profile}",
        *_FLAGS,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        port = await _port(process.stderr)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with session.get("/json/list") as reply:
                tabs = await reply.json()
            address = next(tab for tab in tabs if tab["type"] == "page")
            url = address["webSocketDebuggerUrl"]
            async with session.ws_connect(url, max_msg_size=_MAX_MESSAGE) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        await process.wait()


async def _port(errors: asyncio.StreamReader | None) -> int:
    """Return the port that the browser tells on its way up."""
    assert errors is not None
    async with asyncio.timeout(_PATIENCE_S):
        async for line in errors:
            if told := _LISTENING.search(line):
                return int(told[1])
    pytest.fail("chromium did not start")
