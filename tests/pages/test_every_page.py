"""What each page does in each state of the service, at each size, in each theme."""

import pytest
from playwright.async_api import Browser
from tests.pages.browsing import NARROW, WIDE, Theme, visiting
from tests.pages.services import Service

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = ("markets", "market", "calibration", "runtime", "playground")
IS_FILLED = "() => !document.querySelector('#page > .skeleton')"


@pytest.mark.parametrize(
    ("page", "state", "width_px", "theme"),
    [
        *((page, "lively", WIDE, "light") for page in PAGES),
        *((page, "lively", NARROW, "dark") for page in PAGES),
        *((page, "idle", NARROW, "light") for page in PAGES),
        *((page, "stricken", WIDE, "dark") for page in ("markets", "runtime")),
    ],
)
async def test_page_is_sound(  # noqa: PLR0913, PLR0917 - one for each thing that varies
    browser: Browser,
    request: pytest.FixtureRequest,
    page: str,
    state: str,
    width_px: int,
    theme: Theme,
) -> None:
    service: Service = request.getfixturevalue(state)
    url = f"{service.url}/ui/{page}"
    if page == "market" and service.market_ids:
        url += f"?id={service.market_ids[0]}"

    async with visiting(browser, url, width_px=width_px, theme=theme) as visit:
        await visit.page.wait_for_function(IS_FILLED)

        assert await visit.page.locator("main h1").count() == 1
        await visit.assert_sound(f"{page}-{state}-{width_px}-{theme}")
