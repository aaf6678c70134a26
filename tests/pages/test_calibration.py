"""The Calibration page: what it judges, and what a reader can do."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect
from tests.pages.browsing import visiting
from tests.pages.services import HOSTILE, Service

pytestmark = pytest.mark.asyncio(loop_scope="session")

COVERAGE = "/ui/static/calibration/coverage.js"
JUDGED = {
    (0.85, 0.21, 2_000): "right",  # half of the prices stand on an edge
    (0.70, 0.70, 2_000): "narrow",
    (0.90, 0.90, 2_000): "wide",
    (0.82, 0.82, 20): "early",
    (0.20, 0.20, 20): "narrow",  # few outcomes can tell this
    (0.80, 0.80, None): "early",
}
DRIFT = {
    "at": "2026-02-20T12:00:00Z",
    "model_name": "chronos2",
    "model_version": "main",
    "freq": "5m",
    "segment": f"category={HOSTILE},age=<36",
    "step": 6,
    "miss_rate": 0.31,
    "inside_rate": 0.69,
}


async def called(page: Page, module: str, function: str, *arguments: object) -> Any:  # noqa: ANN401
    """Return what a function of the page's own modules returns."""
    return await page.evaluate(
        "async ([path, name, given]) => (await import(path))[name](...given)",
        [module, function, list(arguments)],
    )


async def test_headline_and_grid_say_what_was_scored(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/calibration") as visit:
        headline = visit.page.locator(".verdict")
        await expect(headline).to_contain_text("80 % were promised")
        await expect(headline).to_contain_text("chronos2")
        await expect(visit.page.locator(".models tbody tr")).to_have_count(2)
        cells = visit.page.locator(".grid td[data-judgement]")

        assert await cells.count() >= 12
        assert await visit.page.locator(".step-chart svg").count() == 2


async def test_texts_of_callers_are_shown_as_they_are(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/calibration") as visit:
        await expect(visit.page.get_by_role("button", name=HOSTILE)).to_be_visible()

        assert await visit.page.locator("main img").count() == 0


async def test_choices_stand_in_the_address(browser: Browser, lively: Service) -> None:
    async with visiting(browser, f"{lively.url}/ui/calibration") as visit:
        await visit.page.get_by_label("Only segments with").fill("category=none-such")
        await visit.page.keyboard.press("Tab")
        nothing = visit.page.get_by_role("heading", name="Nothing was scored there")
        await expect(nothing).to_be_visible()
        assert "segment=category%3Dnone-such" in visit.page.url
        await visit.page.reload()
        await expect(nothing).to_be_visible()

        await visit.page.get_by_role("button", name="Show all segments").click()

        await expect(visit.page.locator(".verdict")).to_be_visible()


async def test_other_interval_and_split_are_shown_when_chosen(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/calibration") as visit:
        page = visit.page
        await page.get_by_role("button", name="90 %").click()
        await expect(page.locator(".verdict")).to_contain_text("90 % were promised")

        await page.get_by_role("button", name="Age of the market").click()

        await expect(page.locator(".grid")).to_contain_text("grown market")
        await visit.assert_sound("calibration-target")


async def test_without_scores_it_says_when_there_will_be_some(
    browser: Browser, idle: Service
) -> None:
    async with visiting(browser, f"{idle.url}/ui/calibration") as visit:
        await expect(visit.page.locator("main")).to_contain_text(
            "Nothing is scored yet"
        )
        await expect(visit.page.locator("main")).to_contain_text("/tsfm/observations")


async def test_drifts_are_told_in_words(browser: Browser, lively: Service) -> None:
    async def answer(route: Route) -> None:
        await route.fulfill(json={"drifts": [DRIFT]})

    async with visiting(browser, f"{lively.url}/ui/static/theme.js") as visit:
        await visit.page.route("**/tsfm/drifts", answer)
        await visit.page.goto(f"{lively.url}/ui/calibration")

        drift = visit.page.locator(".drifts li")
        await expect(drift).to_contain_text("became too narrow")
        await expect(drift).to_contain_text("missed 31.0 %")
        assert await visit.page.locator("main img").count() == 0


async def test_share_of_wilson_is_that_of_a_book(
    browser: Browser, idle: Service
) -> None:
    async with visiting(browser, f"{idle.url}/ui/calibration") as visit:
        around = await called(visit.page, COVERAGE, "wilson", 0.2, 10)

    # Newcombe (1998), Statistics in Medicine 17, table I has such intervals.
    assert around == pytest.approx([0.0567, 0.5098], abs=5e-5)


async def test_bands_are_judged_by_both_shares(browser: Browser, idle: Service) -> None:
    judged = {}

    async with visiting(browser, f"{idle.url}/ui/static/theme.js") as visit:
        for case in JUDGED:
            closed, open_, n = case
            interval = {"closed": closed, "open": open_}
            judged[case] = await called(
                visit.page, COVERAGE, "judged", interval, n, 0.8
            )

    assert judged == JUDGED
