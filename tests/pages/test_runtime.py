"""The Runtime page: an outage is read at once, and is told without a reload."""

import pytest
from playwright.async_api import Browser, expect
from tests.pages.browsing import visiting
from tests.pages.services import Service, cycles, play, served

from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    create_fake_tollama,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_service_that_is_well_says_so(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/runtime") as visit:
        outlook = visit.page.locator(".outlook")
        await expect(outlook).to_contain_text("All is well")
        first = visit.page.locator(".rung").first
        await expect(first).to_contain_text("tollama")
        await expect(first).to_contain_text("since the start")


async def test_an_outage_is_told_with_its_reason_and_what_to_do(
    browser: Browser, stricken: Service
) -> None:
    async with visiting(browser, f"{stricken.url}/ui/runtime") as visit:
        outlook = visit.page.locator(".outlook[data-tone=bad]")
        await expect(outlook).to_contain_text("Outage: no model answers")
        await expect(outlook).to_contain_text("tsfm-runner doctor")
        await expect(visit.page.locator(".rung").first).to_contain_text("open")
        await expect(visit.page.locator(".reasons")).to_contain_text(
            "runtime_unavailable"
        )


async def test_page_follows_an_outage_and_the_end_of_the_service(
    browser: Browser,
) -> None:
    daemon = create_fake_tollama(FakeTollamaOptions())
    rounds = cycles(4, 3, n_jumping=0, seed=3)

    with served(daemon, embedded={"enabled": False}) as service:
        play(service, rounds[:1])
        opened = visiting(browser, f"{service.url}/ui/runtime")
        visit = await opened.__aenter__()
        outlook = visit.page.locator(".outlook")
        await expect(outlook).to_contain_text("All is well")
        service.break_runtime(Fault.UNAVAILABLE)
        play(service, rounds[1:])
        await expect(outlook).to_contain_text("Outage")
        assert visit.complaints == []

    await expect(outlook).to_contain_text("does not answer")
    await opened.__aexit__(None, None, None)
