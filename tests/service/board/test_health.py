"""How runtimes are is asked seldom, and nobody waits for one that hangs."""

import asyncio

import pytest
from tests.fakes import FakeClock, FakeRuntime
from tests.service.builders import registry

from tsfm_runner.errors import RuntimeUnavailableError
from tsfm_runner.service.board.health import RuntimeHealth
from tsfm_runner.service.catalogue import Catalogue


class HangingRuntime(FakeRuntime):
    """Answers nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__(health_error=RuntimeUnavailableError("refused"))
        self.is_free = asyncio.Event()

    async def check_health(self, *, timeout_s: float) -> None:
        await self.is_free.wait()
        await super().check_health(timeout_s=timeout_s)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def health_of(runtime: FakeRuntime, clock: FakeClock) -> RuntimeHealth:
    return RuntimeHealth(Catalogue(registry(), {"tollama": runtime}, 2.0), clock)


async def test_a_runtime_is_not_asked_again_within_seconds(clock: FakeClock) -> None:
    runtime = FakeRuntime()
    health = health_of(runtime, clock)

    for _ in range(3):
        statuses = await health.statuses()
    n_asked = len(runtime.timeouts_s)
    clock.now_s += 5
    await health.statuses()

    assert statuses["tollama"].error is None
    assert len(runtime.timeouts_s) == 2 * n_asked


async def test_a_runtime_that_hangs_holds_nobody_up_and_is_told_of_later(
    clock: FakeClock,
) -> None:
    runtime = HangingRuntime()
    health = health_of(runtime, clock)

    assert await health.statuses(patience_s=0) == {}
    assert await health.statuses(patience_s=0) == {}
    runtime.is_free.set()

    told = await health.statuses(patience_s=10)

    assert told["tollama"].error == "refused"
    assert len(runtime.timeouts_s) == 1


async def test_nobody_is_asked_after_the_end(clock: FakeClock) -> None:
    runtime = HangingRuntime()
    health = health_of(runtime, clock)
    await health.close()
    await health.statuses(patience_s=0)

    await health.close()

    runtime.is_free.set()
    assert runtime.timeouts_s == []
