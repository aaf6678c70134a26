"""The Playground: a series in, a band out, and a command that does the same."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from tests.pages.browsing import Visit, visiting
from tests.pages.services import Service

pytestmark = pytest.mark.asyncio(loop_scope="session")

CSV = "ts,price\n" + "\n".join(
    f"2026-02-20T{hour:02}:00:00Z,{0.4 + hour % 3 / 100:.2f}" for hour in range(20)
)
UNDERSTOOD = {
    "0.41 0.42\n0.43, null; 0.44": "5 prices, 1 missing, 41.0",
    CSV: "mostly 1 h apart",
    "price;ts\n0.5;1771588800\n0.4;1771588500": "They were put in order of time",
    '[{"ts": "2026-02-20T12:00:00Z", "y": 0.5}, {"y": 0.4, "ts": "?"}]': "No time: ?",
    '{"y": [0.5, 0.4], "horizon_steps": 3}': "2 prices",
    "41%\n40 %\n39.5 %": "3 prices, 39.5",
    "0,41; 0,42; 0,4": "3 prices, 40.0",
    "0, 1, 1": "3 prices, 0.0",
    '{"history": [{"t": 1771588500, "p": 0.5}, {"t": 1771588800, "p": 0.4}]}': (
        "2 prices, 40.0"
    ),
    "0.5\nabout half": "Price 2 is no number",
    '{"y": [0.5, }': "begins like JSON",
}
BASH = shutil.which("bash")
HAS_SHELL = BASH is not None and shutil.which("curl") is not None


async def pasted(visit: Visit, text: str) -> Page:
    """Paste a series; return the page."""
    await visit.page.get_by_label("Prices, oldest first").fill(text)
    await expect(visit.page.locator("#series-note")).not_to_be_empty()
    return visit.page


async def asked(page: Page) -> None:
    await page.get_by_role("button", name="Forecast", exact=True).click()
    await expect(page.locator(".answer-head")).to_be_visible()


async def test_an_example_becomes_a_band_with_its_origin(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/playground") as visit:
        page = visit.page
        await page.get_by_role("button", name="Try an example").click()
        await expect(page.locator(".fan .scatterlayer .trace").first).to_be_attached()
        await expect(page.locator(".band-table tbody tr")).to_have_count(12)
        await expect(page.locator(".provenance")).to_contain_text("chronos2")
        await page.get_by_role("button", name="before calibration").click()

        await visit.assert_sound("playground-answer")


@pytest.mark.skipif(not HAS_SHELL, reason="no bash or no curl on the PATH")
async def test_the_command_works_as_it_is_shown(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/playground") as visit:
        page = await pasted(visit, CSV)
        await page.get_by_label("Category").fill('it\'s $HOME `date` \\ "x" é')
        await asked(page)
        command = await page.locator(".command code").first.inner_text()
        shown = json.loads(await page.locator(".json").text_content() or "")

    process = await asyncio.create_subprocess_exec(
        str(BASH), "-c", command, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()

    told = json.loads(printed)
    assert told["freq"] == "1h"
    assert told["yhat_q"] == shown["yhat_q"]
    assert "é" in told["conformal"]["segment"]


async def test_many_ways_to_write_a_series_are_understood(
    browser: Browser, idle: Service
) -> None:
    async with visiting(browser, f"{idle.url}/ui/playground") as visit:
        for text, note in UNDERSTOOD.items():
            page = await pasted(visit, text)

            await expect(page.locator("#series-note")).to_contain_text(note)


async def test_percent_is_noticed_and_converted_only_when_asked(
    browser: Browser, idle: Service
) -> None:
    async with visiting(browser, f"{idle.url}/ui/playground") as visit:
        page = await pasted(visit, "41, 42, 42.5, 40")
        assert await page.get_by_label("Prices, oldest first").input_value() == (
            "41, 42, 42.5, 40"
        )

        await page.get_by_role("button", name="Divide by 100").click()

        assert await page.get_by_label("Prices, oldest first").input_value() == (
            "0.41\n0.42\n0.425\n0.4"
        )
        await expect(page.locator("#series-note")).to_contain_text("42.5 %")


async def test_problems_stand_at_the_fields_that_they_name(
    browser: Browser, idle: Service
) -> None:
    async with visiting(browser, f"{idle.url}/ui/playground") as visit:
        page = await pasted(visit, "0.4, 1.7, 0.5")
        await page.get_by_label("Steps ahead").fill("900")

        await page.get_by_role("button", name="Forecast", exact=True).click()

        await expect(page.locator("#horizon-error")).to_contain_text("288")
        await expect(page.locator("#series-error")).to_contain_text("Price 2")
        await expect(page.get_by_label("Prices, oldest first")).to_be_focused()
        assert await page.get_by_label("Steps ahead").get_attribute("aria-invalid")


async def test_only_models_that_may_and_can_answer_are_to_be_chosen(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/playground") as visit:
        page = await pasted(visit, CSV)
        choice = page.get_by_label("Model", exact=True)
        await expect(choice.locator("option[value=har]")).to_be_attached()
        missing = choice.locator("option[value='timesfm-2.5-200m']")
        assert await missing.is_disabled()
        assert "not installed" in (await missing.text_content() or "")

        await choice.select_option("har")
        await asked(page)

        await expect(page.locator(".answer-head")).to_contain_text("har")


async def test_a_market_of_the_board_and_a_file_can_be_taken(
    browser: Browser, lively: Service, tmp_path: Path
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(CSV, encoding="utf-8")
    market_id = lively.market_ids[0]

    async with visiting(browser, f"{lively.url}/ui/playground") as visit:
        page = visit.page
        option = page.locator(f"#start option[value='market:{market_id}']")
        await expect(option).to_be_attached()
        await page.get_by_label("Start from").select_option(f"market:{market_id}")
        await expect(page.locator(".answer-head")).to_be_visible()
        assert await page.get_by_label("Name of the market").input_value() == market_id

        await page.get_by_label("or a file").set_input_files(path)

        await expect(page.locator("#series-note")).to_contain_text("20 prices")


async def test_the_band_can_be_kept_as_a_file(
    browser: Browser, lively: Service
) -> None:
    async with visiting(browser, f"{lively.url}/ui/playground") as visit:
        page = await pasted(visit, CSV)
        await asked(page)
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download CSV").click()
        path = await (await download.value).path()
        lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("ts,q0.1,q0.25,q0.5,q0.75,q0.9,lower,upper,raw_q0.1")
    assert len(lines) == 13
