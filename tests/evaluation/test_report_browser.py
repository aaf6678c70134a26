"""A report in a real browser that can reach nothing: every plot is drawn."""

from pathlib import Path

import pytest
from tests.evaluation.browser import PROGRAM, Page, opened_page
from tests.evaluation.documents import copied, study, without_numbers
from tests.evaluation.report.test_page import hostile

from tsfm_runner.evaluation.report import render
from tsfm_runner.evaluation.schema import Document

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium on the PATH")

STUDY = study(models=("ewma", "har"), horizon=3, n_segments=30)
# Chooses the last value of every list, one after the other.
CHOOSE_LAST = """
(async () => {
  for (const list of document.querySelectorAll("select")) {
    list.value = list.options[list.options.length - 1].value;
    list.dispatchEvent(new Event("change"));
    await new Promise((done) => setTimeout(done));
  }
  for (const numbers of document.querySelectorAll("details")) numbers.open = true;
})()
"""
N_DRAWN = """
[...document.querySelectorAll(".plot")]
  .filter((plot) => plot.querySelector(".trace")).length
"""
N_STATIC_TABLES = 6
N_NOTHING = "document.querySelectorAll('.nothing').length"
IS_DRAWN = "Boolean(document.documentElement.dataset.drawn)"
N_TABLES = "[...document.querySelectorAll('table')].filter((t) => t.rows.length).length"
N_PLOTS = "document.querySelectorAll('.plot').length"
IS_TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


def written(document: Document, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(render(document), encoding="utf-8")
    return path


async def assert_all_is_drawn(page: Page, path: Path) -> None:
    """Check that plots are there and whole, and nothing was fetched or went wrong."""
    n_plots = await page.value(N_PLOTS)

    assert page.complaints == []
    assert set(page.requested) == {path.as_uri()}
    assert n_plots > 0
    assert await page.value(N_DRAWN) == n_plots
    assert await page.value(IS_TOO_WIDE) is False


@pytest.mark.parametrize(
    ("width_px", "is_dark"), [(390, False), (1600, False), (1600, True)]
)
async def test_every_plot_is_drawn(
    tmp_path: Path, width_px: int, *, is_dark: bool
) -> None:
    path = written(STUDY, tmp_path)

    async with opened_page(tmp_path / "profile") as page:
        await page.show(path, width_px=width_px, is_dark=is_dark)

        await assert_all_is_drawn(page, path)


async def test_every_choice_of_the_reader_is_drawn(tmp_path: Path) -> None:
    path = written(STUDY, tmp_path)

    async with opened_page(tmp_path / "profile") as page:
        await page.show(path, width_px=1600)
        await page.value(CHOOSE_LAST)
        await page.wait_for(IS_DRAWN)
        await page.wait_for(f"{N_TABLES} === {N_STATIC_TABLES} + 8")

        await assert_all_is_drawn(page, path)


async def test_a_figure_without_the_chosen_frequency_offers_its_own(
    tmp_path: Path,
) -> None:
    document = copied(STUDY)
    for name in ("segments", "cold_start"):
        document[name] = [cell for cell in document[name] if cell["freq"] != "all"]
    path = written(document, tmp_path)

    async with opened_page(tmp_path / "profile") as page:
        await page.show(path, width_px=1600)

        await assert_all_is_drawn(page, path)
        assert await page.value(N_NOTHING) == 0


async def test_texts_of_others_do_no_harm(tmp_path: Path) -> None:
    path = written(hostile(), tmp_path)

    async with opened_page(tmp_path / "profile") as page:
        await page.show(path, width_px=390)
        await page.value(CHOOSE_LAST)
        await page.wait_for(IS_DRAWN)

        await assert_all_is_drawn(page, path)
        assert await page.value("document.images.length") == 0


async def test_a_study_without_numbers_says_so(tmp_path: Path) -> None:
    path = written(without_numbers(STUDY), tmp_path)

    async with opened_page(tmp_path / "profile") as page:
        await page.show(path, width_px=390)

        assert page.complaints == []
        assert await page.value(N_NOTHING) > 0
