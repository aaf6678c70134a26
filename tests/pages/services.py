"""Services that pages are looked at: real ones, in threads of their own."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from aiohttp import web

from tsfm_runner.cli.serving import bind, running_service, url_of
from tsfm_runner.config import Settings
from tsfm_runner.testing.fake_tollama import Fault, running_fake_tollama, set_fault
from tsfm_runner.testing.markets import simulate_markets

STEP_S = 300
N_STEPS = 288
JUMP = 0.25
HOSTILE = "<img src=x onerror=alert(1)>"

_PATIENCE_S = 60.0
_QUIET: dict[str, Any] = {
    "store": {"url": "sqlite://"},
    "log": {"level": "error"},
}

Json = dict[str, Any]


class Service(NamedTuple):
    """Where a service answers, what for, and how to put its runtime out of order."""

    url: str
    break_runtime: Callable[[Fault | None], None]
    market_ids: list[str]

    def post(self, route: str, body: object) -> Any:  # noqa: ANN401 - JSON is any
        """Send a body, and return what was answered."""
        request = Request(  # noqa: S310 - a service of ours
            self.url + route, json.dumps(body).encode(), method="POST"
        )
        with urlopen(request, timeout=_PATIENCE_S) as reply:  # noqa: S310 - the same
            return json.load(reply)


@contextmanager
def served(
    daemon: web.Application | None = None,
    **sections: Any,  # noqa: ANN401 - sections are any
) -> Iterator[Service]:
    """Serve beside the tests, with a double of tollama as its runtime if handed in."""
    loop = asyncio.new_event_loop()
    told: list[str] = []
    is_up, is_over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            if daemon is not None:
                address = await stack.enter_async_context(running_fake_tollama(daemon))
                sections["tollama"] = {"url": address}
            bound = stack.enter_context(bind("127.0.0.1", 0))
            settings = Settings.model_validate(_QUIET | sections)
            await stack.enter_async_context(running_service(settings, bound))
            told.append(url_of(bound))
            is_up.set()
            await is_over.wait()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(serve())
            finally:
                is_up.set()

    def break_runtime(fault: Fault | None) -> None:
        assert daemon is not None
        loop.call_soon_threadsafe(set_fault, daemon, fault)

    thread = threading.Thread(target=work, name="service of pages")
    thread.start()
    try:
        is_up.wait(_PATIENCE_S)
        yield Service(told[0], break_runtime, [])
    finally:
        if told:
            loop.call_soon_threadsafe(is_over.set)
        thread.join(_PATIENCE_S)


def cycles(
    n_markets: int, n_cycles: int, *, n_jumping: int, seed: int
) -> list[list[Json]]:
    """Return what a caller asks of simulated markets, cycle after cycle up to now.

    The last price of some of them is a jump, and the last market has a caller's text
    for a category that means ill.
    """
    now_s = datetime.now(UTC).timestamp() // STEP_S * STEP_S
    markets = simulate_markets(
        n_markets,
        n_steps=N_STEPS + n_cycles - 1,
        step_s=STEP_S,
        seed=seed,
        end=datetime.fromtimestamp(now_s, UTC),
    )
    prices = markets.prices.round(4)
    last = prices[:n_jumping, -1]
    prices[:n_jumping, -1] = last + JUMP * (1 - 2 * (last > 1 - last))
    return [
        [
            {
                "market_id": listing.market_id,
                "as_of_ts": _moment(markets.times[N_STEPS + cycle - 1]),
                "y": row[cycle : cycle + N_STEPS].tolist(),
                "category": listing.category if place else HOSTILE,
                "event_id": listing.event_id,
                "tick_size": listing.tick_size,
                "closes_at": _moment(listing.closes_at),
            }
            for place, (listing, row) in enumerate(
                zip(markets.listings, prices, strict=True), 1 - n_markets
            )
        ]
        for cycle in range(n_cycles)
    ]


def play(service: Service, rounds: Sequence[Sequence[Json]]) -> None:
    """Ask for all bands of each cycle, one after the other."""
    service.market_ids[:] = [request["market_id"] for request in rounds[0]]
    for requests in rounds:
        answer = service.post("/tsfm/forecast/batch", {"requests": requests})
        assert all("result" in item for item in answer["results"])


def _moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
