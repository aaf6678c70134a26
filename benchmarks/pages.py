"""Look at every page in every state, size and theme: errors, barriers, first paint.

``.venv/bin/python -m benchmarks.pages`` from the root of a checkout; with
``PAGES_SCREENSHOTS=FOLDER`` a picture of each is kept.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from playwright.async_api import Browser
from tests.pages.browsing import NARROW, WIDE, Theme, running_browser, visiting
from tests.pages.services import cycles, play, served

from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    create_fake_tollama,
)

PAGES = ("markets", "market", "calibration", "runtime", "playground")
WIDTHS = (WIDE, NARROW)
THEMES: tuple[Theme, ...] = ("light", "dark")
N_MANY = 2_000
N_AT_ONCE = 500
_PATIENCE_S = 120.0
_SETTLED_MS = 1_000
_WARM_S = 15.0
_IS_FILLED = "() => !document.querySelector('#page > .skeleton')"


class Place(NamedTuple):
    """Where a service answers, and one of its markets."""

    url: str
    market_id: str


class View(NamedTuple):
    """A page, and the window that it is looked at in."""

    page: str
    width_px: int
    theme: Theme


class Look(NamedTuple):
    """What was seen of one page."""

    view: View
    n_errors: int
    barriers: list[str]
    overhang_px: int
    first_paint_ms: float


@contextmanager
def demo() -> Iterator[Place]:
    """Run what `make run` runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("tsfm-runner")
    command = [str(program), "serve", "--demo-markets", "20"]
    environment = os.environ | {
        "TSFM_STORE__URL": "sqlite://",
        "TSFM_LOG__LEVEL": "error",
    }
    process = subprocess.Popen(  # noqa: S603 - a command of ours
        [*command, "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health/live", process)
        time.sleep(_WARM_S)  # some cycles
        yield Place(url, "")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def outage() -> Iterator[Place]:
    """Serve markets whose only runtime has just gone down."""
    daemon = create_fake_tollama(FakeTollamaOptions())
    rounds = cycles(20, 5, n_jumping=2, seed=7)
    with served(daemon, embedded={"enabled": False}) as service:
        play(service, rounds[:3])
        service.break_runtime(Fault.UNAVAILABLE)
        play(service, rounds[3:])
        yield Place(service.url, service.market_ids[0])


@contextmanager
def many() -> Iterator[Place]:
    """Serve thousands of markets."""
    with served() as service:
        [requests] = cycles(N_MANY, 1, n_jumping=20, seed=7)
        parts = range(0, N_MANY, N_AT_ONCE)
        play(service, [requests[at : at + N_AT_ONCE] for at in parts])
        yield Place(service.url, service.market_ids[0])


@contextmanager
def none() -> Iterator[Place]:
    """Serve nobody."""
    with served() as service:
        yield Place(service.url, "")


STATES: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "demo": demo,
    "outage": outage,
    f"{N_MANY:,} markets": many,
    "none": none,
}


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the service of a process answers."""
    end_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urlopen(url, timeout=_PATIENCE_S):  # noqa: S310 - a service of ours
                return
        except (URLError, ConnectionError):
            if time.monotonic() > end_s or process.poll() is not None:
                raise
            time.sleep(0.2)


async def looked_at(browser: Browser, state: str, place: Place, view: View) -> Look:
    """Open a page, let it settle, and say what was seen."""
    page, width_px, theme = view
    url = f"{place.url}/ui/{page}"
    if page == "market":
        url += await market_query(browser, place)
    async with visiting(browser, url, width_px=width_px, theme=theme) as visit:
        await visit.page.wait_for_function(_IS_FILLED)
        await visit.page.wait_for_timeout(_SETTLED_MS)
        await visit.keep_picture(f"{state.replace(',', '')}-{page}-{width_px}-{theme}")
        return Look(
            view,
            len(visit.complaints),
            await visit.barriers(),
            max(0, await visit.overhang_px()),
            await visit.first_paint_ms(),
        )


async def market_query(browser: Browser, place: Place) -> str:
    """Return how to ask for a market that is there now; demo markets come and go."""
    if place.market_id:
        return f"?id={place.market_id}"
    window = await browser.new_context()
    reply = await window.request.get(f"{place.url}/tsfm/markets")
    rows = (await reply.json())["rows"]
    await window.close()
    return f"?id={rows[-1]['market_id']}" if rows else ""


async def looks(state: str, place: Place) -> list[Look]:
    """Look at every page, at each size and in each theme."""
    async with running_browser() as browser:
        return [
            await looked_at(browser, state, place, View(*view))
            for view in product(PAGES, WIDTHS, THEMES)
        ]


def told(state: str, found: list[Look]) -> None:
    """Print a line for each page and size: the worse of both themes."""
    for page, width_px in product(PAGES, WIDTHS):
        both = [one for one in found if one.view[:2] == (page, width_px)]
        errors = sum(one.n_errors for one in both)
        barriers = sum(len(one.barriers) for one in both)
        overhang = max(one.overhang_px for one in both)
        paint = max(one.first_paint_ms for one in both)
        print(
            f"| {state} | {page} | {width_px} | {errors} | {barriers} "
            f"| {overhang} | {paint:.0f} |"
        )
        for one in both:
            for barrier in one.barriers:
                print(f"  {one.view.theme}: {barrier}", file=sys.stderr)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", default=";".join(STATES), help="by semicolons")
    states = parser.parse_args().states.split(";")
    print(
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; light and "
        "dark together\n\n"
        "| state | page | px | console errors | axe serious or critical "
        "| px too wide | first paint, ms |\n|---|---|---|---|---|---|---|"
    )
    paints: list[float] = []
    for state in states:
        with STATES[state]() as place:
            found = asyncio.run(looks(state, place))
        told(state, found)
        paints += [one.first_paint_ms for one in found]
    print(
        f"\nfirst paint, ms: median {statistics.median(paints):.0f}, "
        f"most {max(paints):.0f}"
    )


if __name__ == "__main__":
    main()
