"""A courier at work on a fake ledger, receiver and clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.fakes import (
    FakeClock,
    FakeDeadLetters,
    FakeLedger,
    FakeReceiver,
    FakeTelemetry,
)
from tests.service.signals_told import breach_signal

from tsfm_runner.config import WebhookConfig
from tsfm_runner.domain.delivery import DeliveryOutcome
from tsfm_runner.domain.signals import BreachSignal, DeliveryEntry
from tsfm_runner.service.delivering.courier import Courier, Endpoint, Means
from tsfm_runner.service.feed import Feed

HOUR_S = 3_600.0


def config_of(**changes: Any) -> WebhookConfig:  # noqa: ANN401 - any setting
    return WebhookConfig.model_validate({"url": "http://127.0.0.1:1/", **changes})


async def until(condition: Callable[[], bool]) -> None:
    """Let everything else go on until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a condition of any kind
            await asyncio.sleep(0)


class Desk:
    """What a courier works with; pauses take no time but that of the fake clocks."""

    def __init__(self, *failures: Any, **settings: Any) -> None:  # noqa: ANN401
        self.ledger, self.letters = FakeLedger(), FakeDeadLetters()
        self.telemetry, self.feed = FakeTelemetry(), Feed()
        self.clock = FakeClock(0.0)
        self.wall_clock = FakeClock(breach_signal(1).recorded_at_s)
        self.receiver = FakeReceiver(*failures)
        self.config = config_of(**settings)
        self.pauses_s: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.clock.now_s += seconds
        self.wall_clock.now_s += seconds
        await asyncio.sleep(0)

    def courier(self, name: str = "alerts") -> Courier:
        means = Means(
            ledger=self.ledger,
            letters=self.letters,
            feed=self.feed,
            telemetry=self.telemetry,
            clock=self.clock,
            wall_clock=self.wall_clock,
            pause=self.pause,
        )
        return Courier(Endpoint(name, self.config, self.receiver), means)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Courier]:
        """Run a courier that was known before, as in a process that starts again."""
        if await self.ledger.last_delivered("alerts") is None:
            self.ledger.append([DeliveryEntry("alerts", 0, 0.0)])
        courier = self.courier()
        await courier.begin()
        task = asyncio.create_task(courier.run())
        try:
            yield courier
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def happen(self, *signals: BreachSignal) -> None:
        """Write signals down, then tell of them, as the engine does."""
        for signal in signals:
            self.ledger.append([signal])
            self.feed.signal(signal)

    @property
    def outcomes(self) -> list[DeliveryOutcome]:
        return [one.outcome for one in self.telemetry.deliveries]

    async def cursor(self) -> int | None:
        return await self.ledger.last_delivered("alerts")
