"""The Market page: the chart and its tables, the words, and the same request again."""

import json
import shlex
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, expect
from tests.pages.browsing import visiting
from tests.pages.services import HOSTILE, N_STEPS, Service

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_page_tells_all_of_a_band(browser: Browser, lively: Service) -> None:
    market_id = lively.market_ids[0]

    async with visiting(browser, f"{lively.url}/ui/market?id={market_id}") as visit:
        page = visit.page
        await expect(page.get_by_role("heading", level=1)).to_have_text(market_id)
        chart = page.get_by_role("img", name="past bands")
        await expect(chart).to_be_visible()
        await expect(page.locator(".story")).to_contain_text("It was drawn by chronos2")
        n_traces = await page.evaluate("document.querySelector('.plot').data.length")

        await page.get_by_role("button", name="Before calibration").click()

        await expect(page.locator(".plot .trace.scatter")).not_to_have_count(0)
        more = await page.evaluate("document.querySelector('.plot').data.length")
        assert more > n_traces


async def test_charts_are_there_as_tables_too(
    browser: Browser, lively: Service
) -> None:
    url = f"{lively.url}/ui/market?id={lively.market_ids[1]}"

    async with visiting(browser, url) as visit:
        page = visit.page
        for name in ("Prices", "The band ahead", "Past bands and outcomes"):
            await page.locator("summary", has_text=name).first.click()
        ahead = page.get_by_role("table", name="The band ahead")
        await expect(ahead.locator("tbody tr")).to_have_count(12)
        past = page.get_by_role("table", name="Past bands and outcomes")

        await expect(past).to_contain_text("inside")
        await visit.assert_sound("market-tables-wide-light")


async def test_command_asks_for_the_same_band(
    browser: Browser, lively: Service
) -> None:
    url = f"{lively.url}/ui/market?id={lively.market_ids[2]}"

    async with visiting(browser, url) as visit:
        command = await visit.page.locator(".command code").inner_text()
        route = f"{lively.url}/tsfm/markets/{lively.market_ids[2]}"
        asked = (await (await visit.page.request.get(route)).json())["forecast"]
    words = shlex.split(command.replace("\\\n", " "))
    body = json.loads(words[words.index("-d") + 1])
    again = lively.post("/tsfm/forecast", body)

    assert words[:3] == ["curl", "-s", f"{lively.url}/tsfm/forecast"]
    assert again["market_id"] == lively.market_ids[2]
    assert again["as_of_ts"] == asked["as_of_ts"]
    assert again["meta"]["input_len"] == N_STEPS
    assert again["yhat_q_raw"] == asked["yhat_q_raw"]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        (f"?id={quote(HOSTILE)}", "Nothing is known of this market"),
        ("", "Which market?"),
    ],
)
async def test_market_that_is_not_known_is_told(
    browser: Browser, idle: Service, query: str, title: str
) -> None:
    async with visiting(browser, f"{idle.url}/ui/market{query}") as visit:
        await expect(visit.page.get_by_role("heading", name=title)).to_be_visible()
        assert await visit.page.locator("img").count() == 0
        way_back = visit.page.get_by_role("link", name="To all markets")
        await expect(way_back).to_have_attribute("href", "/ui/markets")


async def test_market_that_a_new_service_does_not_know_is_shown_no_more(
    browser: Browser, lively: Service
) -> None:
    route = f"{lively.url}/tsfm/markets/{lively.market_ids[0]}"
    url = f"{lively.url}/ui/market?id={lively.market_ids[0]}"

    async with visiting(browser, f"{lively.url}/ui/runtime") as visit:
        page = visit.page
        # A stream that ends at once: the page has to ask for everything anew.
        await page.route(
            "**/tsfm/stream",
            lambda it: it.fulfill(content_type="text/event-stream", body=""),
        )
        await page.goto(url)
        await expect(page.locator(".story")).to_be_visible()

        await page.route(route, lambda it: it.fulfill(status=404, json={}))

        gone = page.get_by_role("heading", name="Nothing is known of this market")
        await expect(gone).to_be_visible()

        await page.unroute(route)

        await expect(page.locator(".story")).to_be_visible()
