"""One browser, and services in each state that pages are looked at in."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from tests.pages.browsing import PROGRAM, running_browser
from tests.pages.services import Service, cycles, play, served

from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    create_fake_tollama,
)

N_MARKETS = 12
N_CYCLES = 14
N_JUMPING = 2

expect.set_options(timeout=20_000)  # of a busy machine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if PROGRAM is None:
        pytest.skip("no chromium on the PATH")
    async with running_browser() as it:
        yield it


@pytest.fixture(scope="session")
def idle() -> Iterator[Service]:
    """Serve for nobody so far."""
    with served() as service:
        yield service


@pytest.fixture(scope="session")
def lively() -> Iterator[Service]:
    """Serve markets that have moved for an hour, two of which have just jumped."""
    with served(create_fake_tollama(FakeTollamaOptions())) as service:
        play(service, cycles(N_MARKETS, N_CYCLES, n_jumping=N_JUMPING, seed=7))
        yield service


@pytest.fixture(scope="session")
def stricken() -> Iterator[Service]:
    """Serve such markets with the only runtime down for a moment."""
    daemon = create_fake_tollama(FakeTollamaOptions())
    with served(daemon, embedded={"enabled": False}) as service:
        rounds = cycles(N_MARKETS, 4, n_jumping=0, seed=7)
        play(service, rounds[:2])
        service.break_runtime(Fault.UNAVAILABLE)
        play(service, rounds[2:])
        yield service
