"""Simulated markets that live on, told to a service through its own HTTP API."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import Progress

from tsfm_runner.adapters.keys_file import read_keys
from tsfm_runner.adapters.settings import LoadedSettings
from tsfm_runner.cli.demo_clock import DemoClock
from tsfm_runner.config import AuthConfig, Settings
from tsfm_runner.service.grouping import chunks
from tsfm_runner.testing.markets import LivingMarkets, Sighting

STEP_S = 300
_WARM_STEPS = 36
_CONTEXT = 288
_AT_ONCE, _TRIES = 100, 3
_KEPT_DAYS = 3.0
_BUSY = (429, 503)
_LEAST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Demo:
    """How many markets live, how long a step of theirs takes, and from which seed."""

    n_markets: int
    seconds_per_step: float
    seed: int
    begins_at_s: float = field(
        default_factory=lambda: time.time() // STEP_S * STEP_S - _WARM_STEPS * STEP_S
    )

    def new_clock(self) -> DemoClock:
        """Return the clock of the whole process, standing where the demo begins."""
        return DemoClock(self.begins_at_s, rate=STEP_S / self.seconds_per_step)

    @property
    def told(self) -> str:
        """What is going on, in words."""
        pace = f"{STEP_S // 60} minutes pass every {self.seconds_per_step:g} s"
        return f"{self.n_markets} simulated markets, {pace}"


def settings_for_demo(loaded: LoadedSettings) -> Settings:
    """Return the settings, changed where nobody has set them.

    What is made up is kept in memory only, and for a few of its days; at `info` each
    forecast would be a line of the log.
    """
    settings, is_default = loaded.settings, _defaults(loaded.origins)
    store, log = settings.store, settings.log
    if "store.url" in is_default:
        store = store.model_copy(update={"url": "sqlite://"})
    if "store.max_age_days" in is_default:
        store = store.model_copy(update={"max_age_days": _KEPT_DAYS})
    if "log.level" in is_default:
        log = log.model_copy(update={"level": "warning"})
    return settings.model_copy(update={"store": store, "log": log})


def _defaults(origins: Mapping[str, str]) -> set[str]:
    return {name for name, origin in origins.items() if origin == "default"}


class LivingDemo:
    """Lets simulated markets live, one step after the other, until cancelled."""

    def __init__(
        self,
        demo: Demo,
        clock: DemoClock,
        session: aiohttp.ClientSession,
        url: str,
    ) -> None:
        """Take a session whose token is set, and the address of the service."""
        start = datetime.fromtimestamp(demo.begins_at_s, UTC)
        self._markets = LivingMarkets(demo.n_markets, seed=demo.seed, start=start)
        self._clock, self._session = clock, session
        self._url = f"{url}/tsfm/forecast/batch"

    async def warm_up(self) -> None:
        """Live through the hours before at once, so that bands have a past."""
        console = Console(stderr=True)
        hidden = not console.is_terminal
        with Progress(console=console, transient=True, disable=hidden) as progress:
            for _ in progress.track(range(_WARM_STEPS), description="Warming up"):
                seen = self._markets.advance()
                self._clock.stand_at(self._markets.now.timestamp())
                await self._tell(seen)

    async def live(self) -> None:
        """Take a step whenever one is over, and make up for those that were missed."""
        self._clock.run()
        while True:
            due_s = self._markets.now.timestamp() + STEP_S
            await asyncio.sleep(self._clock.wait_s(due_s))
            seen = await asyncio.to_thread(self._catch_up)
            await self._tell(seen)

    def _catch_up(self) -> list[Sighting]:
        seen = self._markets.advance()
        while self._markets.now.timestamp() + STEP_S <= self._clock():
            seen = self._markets.advance()
        return seen

    async def _tell(self, seen: Sequence[Sighting]) -> None:
        requests = [_request(one, self._markets.now) for one in seen]
        for part in chunks(requests, _AT_ONCE):
            for _ in range(_TRIES):  # what is missed is told again by the next step
                wait_s = await self._ask(part)
                if not wait_s:
                    break
                await asyncio.sleep(wait_s)

    async def _ask(self, requests: Sequence[Mapping[str, Any]]) -> float:
        """Ask for bands; return 0, or how long to wait where the service is busy."""
        body = {"requests": requests}
        try:
            async with self._session.post(self._url, json=body) as reply:
                if reply.status in _BUSY:
                    wait_s = float(reply.headers.get("Retry-After", "1"))
                    return min(max(wait_s, _LEAST_WAIT_S), _LONGEST_WAIT_S)
                reply.raise_for_status()
                await reply.read()
                return 0.0
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            return _LEAST_WAIT_S  # it is about to stop


def demo_session(auth: AuthConfig) -> aiohttp.ClientSession:
    """Return a session that has one of the service's own keys, if there are any."""
    token = next(iter(read_keys(auth).values()), None)
    if token is None:
        return aiohttp.ClientSession()
    bearer = f"Bearer {token.get_secret_value()}"
    return aiohttp.ClientSession(headers={"Authorization": bearer})


def _request(seen: Sighting, now: datetime) -> dict[str, Any]:
    """Return the question about a market in the words of the wire."""
    listing = seen.listing
    return {
        "market_id": listing.market_id,
        "as_of_ts": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "freq": "5m",
        "y": seen.prices[-_CONTEXT:].round(6).tolist(),
        "category": listing.category,
        "event_id": listing.event_id,
        "liquidity_bucket": listing.liquidity_bucket,
        "tick_size": listing.tick_size,
        "closes_at": f"{listing.closes_at:%Y-%m-%dT%H:%M:%SZ}",
    }
