"""Parts of the model card: in their place, and nothing else changed."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from card import CARD, as_markdown, with_part, write_part
from scores_report import card_part, ratio_rows, score_rows, terminal_table

PAGE = "before\n<!-- begin: a -->\nold\n<!-- end: a -->\nafter\n"


def told(value: float) -> dict[str, float | None]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def judged(n_events: int, ratio: float) -> dict[str, Any]:
    columns = ("open", "closed", "width", "interval_score", "mean_pinball")
    return {
        "n_windows": 1_234,
        "n_events": n_events,
        "ratios": {name: told(ratio) for name in ("ewma", "har", "rolling_quantile")},
        "scores": {"model": {name: told(0.5) for name in columns}},
    }


DOCUMENT = {
    "model": "tsfm-mini@1",
    "sha256": "0123456789abcdef" * 4,
    "horizon": 12,
    "cadences": {
        "5m": {
            "all": judged(40, 0.9),
            "by_source": {"much": judged(30, 0.8), "little": judged(2, 0.7)},
        }
    },
}


def test_a_part_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text(PAGE)

    write_part("a", "new", card=card)
    write_part("a", "newer", card=card)

    assert card.read_text() == (
        "before\n<!-- begin: a -->\n\nnewer\n\n<!-- end: a -->\nafter\n"
    )


def test_a_part_without_a_place_is_an_error() -> None:
    with pytest.raises(SystemExit, match="no place for b"):
        with_part(PAGE, "b", "new")


def test_what_would_end_a_cell_is_escaped() -> None:
    assert as_markdown(("a",), [["|x|"]]) == "| a |\n| --- |\n| \\|x\\| |\n"


def test_the_card_has_a_place_for_every_table() -> None:
    page = CARD.read_text(encoding="utf-8")

    for name in ("scores", "moments"):
        assert with_part(page, name, "new") != page


def test_sources_of_few_events_are_printed_but_not_put_on_the_card() -> None:
    printed = StringIO()
    console = Console(width=120, file=printed)
    for rows in (ratio_rows(DOCUMENT), score_rows(DOCUMENT)):
        console.print(terminal_table(rows))
    card = card_part(DOCUMENT)

    assert "0.700 (few events)" in printed.getvalue()
    assert "0.800 (0.790-0.810)" in printed.getvalue()
    assert "| 5m | 1,234 | 40 | 0.900 (0.890-0.910) |" in card
    assert "| much | 1,234 | 30 | 0.800" in card
    assert "little" not in card
    assert "| 5m | tsfm-mini@1 | 0.500 | 0.500 (0.490-0.510) | 0.50000 |" in card
