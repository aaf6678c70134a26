"""Looking at a page as a person does: in a browser, and at what it complains of."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    async_playwright,
)

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDE, NARROW = 1400, 380

_HEIGHT = 900
_FLAGS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_PATIENCE_MS = 20_000
_FOLDER = os.environ.get("PAGES_SCREENSHOTS")
_GRAVE = {"serious", "critical"}
_FIRST_PAINT = """
() => new Promise((done) => {
  new PerformanceObserver((list) => {
    const found = list.getEntriesByName("first-contentful-paint");
    if (found.length) done(found[0].startTime);
  }).observe({ type: "paint", buffered: true });
})
"""
_OVERHANG = """
() => {
  // The body leaves room for a scroll bar, though none is drawn here.
  const { width } = document.body.getBoundingClientRect();
  return document.documentElement.scrollWidth - Math.round(width);
}
"""

Theme: TypeAlias = Literal["light", "dark"]


class Visit:
    """One open page, and everything that went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.complaints.append(f"threw {error}"))
        page.on("requestfailed", self._note_failure)
        page.on("response", self._note_response)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _note_failure(self, request: Request) -> None:
        # A stream that a page lets go of is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.url}: {response.status}")

    async def first_paint_ms(self) -> float:
        """Return how long after its request the page showed something."""
        return float(await self.page.evaluate(_FIRST_PAINT))

    async def overhang_px(self) -> int:
        """Return by how much the page is wider than its window."""
        return int(await self.page.evaluate(_OVERHANG))

    async def barriers(self) -> list[str]:
        """Return what keeps somebody out, in axe's words: serious and critical."""
        found = await Axe().run(self.page)
        return [
            f"{one['id']}: {', '.join(str(node['target']) for node in one['nodes'])}"
            for one in found.response["violations"]
            if one["impact"] in _GRAVE
        ]

    async def keep_picture(self, name: str) -> None:
        """Store how the whole page looks, where pictures are wanted."""
        if _FOLDER:
            path = Path(_FOLDER) / f"{name}.png"
            await self.page.screenshot(path=path, full_page=True)

    async def assert_sound(self, name: str) -> None:
        """Check that nothing went wrong, nobody is kept out, and all fits."""
        await self.keep_picture(name)
        assert self.complaints == []
        assert await self.overhang_px() <= 0
        assert await self.barriers() == []


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Start a browser of this machine, and end it afterwards."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM, args=_FLAGS, chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    width_px: int = WIDE,
    theme: Theme = "light",
    **context: Any,  # noqa: ANN401 - options of the browser
) -> AsyncIterator[Visit]:
    """Open a page in a window of its own, as a new visitor."""
    window = await browser.new_context(
        viewport={"width": width_px, "height": _HEIGHT},
        color_scheme=theme,
        reduced_motion="reduce",
        **context,
    )
    try:
        page = await window.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        visit = Visit(page)
        await page.goto(url)
        yield visit
    finally:
        await window.close()
