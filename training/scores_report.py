"""The scores of windows as tables: for a terminal, or for the model card."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rich.table import Table

from card import as_markdown
from window_scores import COVERAGE, MODEL, RIVALS

LEAST_EVENTS = 5  # of fewer no interval is to be believed
_INDENT = "  "


class Rows(NamedTuple):
    """A table that is not drawn yet."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]


def ratio_rows(document: Mapping[str, Any]) -> Rows:
    """Return the ratios, a row for each cadence and each of its sources."""
    title = f"{document['model']}: mean pinball loss as a ratio to that of"
    return Rows(title, ("", "windows", "events", *RIVALS), list(_ratio_rows(document)))


def _ratio_rows(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for cadence, found in document["cadences"].items():
        rows = {cadence: found["all"]} | {
            f"{_INDENT}{source}": one for source, one in found["by_source"].items()
        }
        for name, one in rows.items():
            counts = f"{one['n_windows']:,}", f"{one['n_events']:,}"
            yield name, *counts, *(_with_edges(one, against) for against in RIVALS)


def _with_edges(one: Mapping[str, Any], against: str) -> str:
    value, low, high = one["ratios"][against].values()
    if one["n_events"] < LEAST_EVENTS or low is None:
        return f"{value:.3f} (few events)"
    return f"{value:.3f} ({low:.3f}-{high:.3f})"


def score_rows(document: Mapping[str, Any]) -> Rows:
    """Return what the raw bands cover, how wide they are, and what that costs."""
    rows = []
    for cadence, found in document["cadences"].items():
        for name, scores in found["all"]["scores"].items():
            inside, closed, *sizes = (one["value"] for one in scores.values())
            edges = "{low:.3f}-{high:.3f}".format(**scores["closed"])
            cells = f"{inside:.3f}", f"{closed:.3f} ({edges})"
            shown = document["model"] if name == MODEL else name
            rows.append((cadence, shown, *cells, *(f"{one:.5f}" for one in sizes)))
    headings = ("", "by", "C-", "C+", "width", "interval score", "mean pinball")
    title = f"raw bands of {COVERAGE:.0%}, steps 1 to {document['horizon']}"
    return Rows(title, headings, rows)


def terminal_table(table: Rows) -> Table:
    """Return the table for a terminal; sources stand below their cadence."""
    drawn = Table(title=table.title, box=None)
    for place, heading in enumerate(table.headings):
        drawn.add_column(heading, justify="right" if place else "left")
    for row in table.rows:
        is_part = row[0].startswith(_INDENT)
        drawn.add_row(*row, style="dim" if is_part else None)
    return drawn


def card_part(document: Mapping[str, Any]) -> str:
    """Return both tables for the model card; sources of few events are left out."""
    of_file = f"`{document['model']}`, SHA-256 `{document['sha256'][:16]}...`."
    ratios, scores = ratio_rows(document), score_rows(document)
    kept = [row for row in ratios.rows if "few events" not in row[3]]
    return "\n".join(
        (
            of_file,
            f"{_sentence(ratios.title)}:\n",
            as_markdown(ratios.headings, kept),
            f"{_sentence(scores.title)}:\n",
            as_markdown(scores.headings, scores.rows),
        )
    )


def _sentence(title: str) -> str:
    return title[0].upper() + title[1:]
