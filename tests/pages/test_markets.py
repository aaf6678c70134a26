"""The Markets page: what stands first, what a reader finds, and what stays put."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect
from tests.pages.browsing import NARROW, visiting
from tests.pages.conftest import N_MARKETS
from tests.pages.services import HOSTILE, Service

pytestmark = pytest.mark.asyncio(loop_scope="session")

Json = dict[str, Any]

N_MANY = 2_000
COUNTED = {"extreme": "1", "severe": "1", "stale": "2", "fallback": "1"}
NOW = "2026-02-20T12:00:00Z"
PROBLEM: Json = {"title": "A valid token is needed", "detail": "no", "hint": "bring it"}


def row(market_id: str, **changes: object) -> Json:
    """Return a market that stands quietly in its band."""
    band = {"lower": 0.4, "median": 0.5, "upper": 0.6, "coverage": 0.9}
    current = {"step": 1, "issued_at": NOW, "position": 0.5, "p_value": 0.9}
    return {
        "market_id": market_id,
        "category": "weather",
        "event_id": None,
        "freq": "5m",
        "as_of_ts": NOW,
        "price": 0.5,
        "spark": [0.5, None, 0.5],
        "current": band | current | {"is_outside": False},
        "ahead": band | {"ts": "2026-02-20T13:00:00Z"},
        "breach": None,
        "is_stale": False,
        "stale_after": "2026-02-20T12:15:00Z",
        "is_closed": False,
        "status": "calibrated",
        "segment": "category=weather",
        "runtime": "embedded",
        "model_name": "tsfm-mini",
        "fallback_reason": None,
        "warnings": [],
        "updated_at": NOW,
    } | changes


def breach(severity: str) -> Json:
    return {
        "state": "open",
        "severity": severity,
        "direction": "down",
        "n_steps": 2,
        "opened_at": NOW,
        "dedupe_key": severity,
    }


async def show(page: Page, rows: list[Json], *, news: str = "") -> None:
    """Let the page see these markets, and then this news from the stream."""

    async def tell(route: Route) -> None:
        document = {"now": NOW, "n_markets": len(rows), "rows": rows}
        await route.fulfill(json=document)

    async def stream(route: Route) -> None:
        await route.fulfill(content_type="text/event-stream", body=news)

    await page.route("**/tsfm/markets", tell)
    await page.route("**/tsfm/stream", stream)
    await page.reload()


async def test_markets_that_breach_stand_first_and_are_counted(
    browser: Browser, idle: Service
) -> None:
    markets = [
        row("quiet"),
        row("gone", is_closed=True),
        row("bad", breach=breach("severe")),
        row("worst", breach=breach("extreme")),
        row("old", is_stale=True, fallback_reason="overloaded"),
        row("silent", stale_after=NOW),
    ]

    async with visiting(browser, f"{idle.url}/ui/markets") as visit:
        page = visit.page
        await show(page, markets)
        rows = page.locator("tbody tr[data-key]")
        await expect(rows).to_have_count(len(markets))
        keys = [await one.get_attribute("data-key") for one in await rows.all()]

        assert keys == ["worst", "bad", "quiet", "old", "silent", "gone"]
        for state, n in COUNTED.items():
            tile = page.locator(f".tile[data-state={state}] .tile-value")
            await expect(tile).to_have_text(n)
        head = page.get_by_role("columnheader", name="Breach")
        await expect(head).to_have_attribute("aria-sort", "descending")


async def test_filter_and_order_stand_in_the_address(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/markets") as visit:
        page = visit.page
        await expect(page.locator("tbody tr[data-key]")).to_have_count(N_MARKETS)
        await page.keyboard.press("/")
        await page.keyboard.type(lively.market_ids[3])
        await page.get_by_role("button", name="Price %").click()
        await expect(page.locator("tbody tr[data-key]")).to_have_count(1)
        await page.reload()

        await expect(page.locator("tbody tr[data-key]")).to_have_count(1)
        await expect(page.get_by_role("searchbox")).to_have_value(lively.market_ids[3])
        price = page.get_by_role("columnheader", name="Price %")
        await expect(price).to_have_attribute("aria-sort", "descending")

        await page.get_by_label("State").select_option("closed")

        await expect(page.get_by_text("No market fits the filter.")).to_be_visible()


async def test_arrows_lead_through_thousands_of_rows_and_enter_opens_one(
    browser: Browser, idle: Service
) -> None:
    rows = [row(f"market-{place:04}") for place in range(N_MANY)]

    async with visiting(browser, f"{idle.url}/ui/markets?sort=market") as visit:
        page = visit.page
        await show(page, rows)
        table = page.get_by_role("table")
        await expect(table).to_have_attribute("aria-rowcount", str(N_MANY + 1))
        await page.locator("tbody a").first.focus()
        await page.keyboard.press("ArrowDown")
        second = await page.evaluate("document.activeElement.textContent")
        await page.keyboard.press("End")
        last = await page.evaluate("document.activeElement.textContent")
        n_in_page = await page.locator("tbody tr[data-key]").count()

        assert (second, last) == ("market-1998", "market-0000")
        assert n_in_page < 100

        await page.keyboard.press("Enter")

        await page.wait_for_url("**/ui/market?id=market-0000")


async def test_news_changes_a_row_under_the_focus_and_is_told(
    browser: Browser, idle: Service
) -> None:
    quiet = [row("a"), row("b"), row(HOSTILE, category=HOSTILE)]
    later = "2026-02-20T12:05:00Z"
    changed = row("b", price=0.31, breach=breach("severe"), updated_at=later)
    news = f"event: markets\ndata: {json.dumps({'rows': [changed]})}\n\n"

    async with visiting(browser, f"{idle.url}/ui/markets?sort=market") as visit:
        page = visit.page
        await show(page, quiet)
        link = page.get_by_role("link", name="b", exact=True)
        await link.focus()
        await page.unroute("**/tsfm/stream")
        await page.route(
            "**/tsfm/stream",
            lambda route: route.fulfill(content_type="text/event-stream", body=news),
        )

        said = page.locator("#said")
        await expect(said).to_contain_text("b: severe breach down, price 31.0 %")
        await expect(page.locator("tr[data-breach=severe]")).to_contain_text("31.0")
        await expect(link).to_be_focused()
        assert await page.locator("main img").count() == 0
        await expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()


async def test_key_is_asked_for_and_sent(browser: Browser, idle: Service) -> None:
    async def guard(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer right":
            await route.continue_()
        else:
            await route.fulfill(status=401, json=PROBLEM)

    async with visiting(browser, f"{idle.url}/ui/runtime") as visit:
        page = visit.page
        await page.route("**/tsfm/**", guard)
        await page.goto(f"{idle.url}/ui/markets")
        await page.get_by_label("Key", exact=True).fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("This key is not known.")).to_be_visible()

        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Try again").click()
        await page.get_by_label("Key", exact=True).fill("right")
        await page.keyboard.press("Enter")

        await expect(page.get_by_role("heading", name="No market yet")).to_be_visible()
        await expect(page.locator("html[data-connection=live]")).to_be_attached()


@pytest.mark.parametrize("is_hurried", [True, False])
async def test_service_that_is_gone_is_told_and_asked_again(
    browser: Browser, lively: Service, *, is_hurried: bool
) -> None:
    async with visiting(browser, f"{lively.url}/ui/runtime") as visit:
        page = visit.page
        await page.route("**/tsfm/**", lambda route: route.abort())
        await page.goto(f"{lively.url}/ui/markets", wait_until="domcontentloaded")
        gone = page.get_by_role("heading", name="The service does not answer")
        await expect(gone).to_be_visible()
        await page.unroute("**/tsfm/**")

        if is_hurried:
            await page.get_by_role("button", name="Try again").click()

        await expect(page.locator("tbody tr[data-key]")).to_have_count(N_MARKETS)


async def test_outage_of_the_runtime_is_told_above_the_markets(
    browser: Browser, stricken: Service
) -> None:
    async with visiting(
        browser, f"{stricken.url}/ui/markets", width_px=NARROW, theme="dark"
    ) as visit:
        await expect(visit.page.locator("#banner")).to_contain_text("tollama")
        await expect(visit.page.locator(".tile[data-state=fallback]")).to_be_visible()
        await visit.assert_sound("markets-outage-narrow-dark")
