"""Pictures show every market they may, and the same bands draw the same picture."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from tests.adapters.files.served import CUTOFF, served

from tsfm_runner.adapters.plots import MAX_PANELS, draw_bands
from tsfm_runner.domain.forecast import FallbackReason, ServedForecast
from tsfm_runner.errors import UnreadableInputError

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def _drawn(folder: Path, *answers: ServedForecast) -> str:
    path = folder / "bands.svg"
    draw_bands(answers, path)
    return path.read_text(encoding="utf-8")


def _texts(svg: str) -> list[str]:
    """Return every piece of text: matplotlib notes it beside the shapes it draws."""
    lines = [line.strip() for line in svg.splitlines()]
    return [
        line.removeprefix("<!--").removesuffix("-->").strip()
        for line in lines
        if line.startswith("<!--")
    ]


def _axes(svg: str) -> int:
    groups = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}g")  # noqa: S314
    return sum(group.get("id", "").startswith("axes_") for group in groups)


def test_a_panel_names_its_market_and_who_answered(tmp_path: Path) -> None:
    answer = served(
        "rain-tomorrow", levels=LEVELS, fallback_reason=FallbackReason.TOO_FEW_POINTS
    )

    texts = _texts(_drawn(tmp_path, answer))

    assert "rain-tomorrow" in texts
    assert "baseline: ewma, too_few_points" in texts
    assert {"time (UTC)", "probability", "history", "median"} <= set(texts)
    assert {"90 % band (q5 to q95)", "50 % band (q25 to q75)"} <= set(texts)


def test_every_market_has_a_panel_up_to_the_limit(tmp_path: Path) -> None:
    answers = [served(f"market-{number:02}") for number in range(MAX_PANELS + 1)]

    svg = _drawn(tmp_path, *answers)

    assert _axes(svg) == MAX_PANELS
    assert "market-11" in _texts(svg)
    assert "market-12" not in _texts(svg)


def test_the_same_bands_draw_the_same_picture(tmp_path: Path) -> None:
    first = _drawn(tmp_path, served("a"), served("b"))

    assert _drawn(tmp_path, served("a"), served("b")) == first
    assert _drawn(tmp_path, served("a"), served("c")) != first


def test_a_png_is_a_picture_with_something_on_it(tmp_path: Path) -> None:
    path = tmp_path / "bands.png"

    draw_bands([served("a", levels=LEVELS)], path)

    picture = imread(path)
    assert picture.shape[0] > 400
    assert picture.shape[1] > 800
    assert np.ptp(picture[..., :3]) > 0.5


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.9), (0.1,)])
def test_any_levels_can_be_drawn(tmp_path: Path, levels: tuple[float, ...]) -> None:
    texts = _texts(_drawn(tmp_path, served("a", levels=levels)))

    assert ("median" in texts) == (0.5 in levels)
    assert ("80 % band (q10 to q90)" in texts) == (levels == (0.1, 0.9))


def test_a_market_whose_last_price_is_old_and_flat_can_be_drawn(
    tmp_path: Path,
) -> None:
    answer = served("a", n_points=4)
    context = np.array([0.0, np.nan, 0.0, np.nan])
    times_s = (CUTOFF - timedelta(days=2)).timestamp() + 60 * np.arange(4.0)
    times_s[-1] = CUTOFF.timestamp()
    task = replace(answer.task, context=context, times_s=times_s)

    texts = _texts(_drawn(tmp_path, replace(answer, task=task)))

    assert "a" in texts


def test_a_long_name_is_cut(tmp_path: Path) -> None:
    texts = _texts(_drawn(tmp_path, served("x" * 200)))

    assert f"{'x' * 43}…" in texts


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bands.pdf", "pictures are drawn to .png or .svg"),
        ("absent/bands.png", "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_to_is_refused(
    tmp_path: Path, name: str, told: str
) -> None:
    with pytest.raises(UnreadableInputError, match=told):
        draw_bands([served("a")], tmp_path / name)
