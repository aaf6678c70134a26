"""The tables of a report that need no drawing, as HTML."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import product
from typing import NamedTuple

from pydantic import JsonValue

from tsfm_runner.evaluation.report.choosing import (
    ALL_STEPS,
    few_steps,
    freqs_of,
    interval_at,
    main_coverage,
)
from tsfm_runner.evaluation.report.words import (
    UNKNOWN,
    is_right,
    number,
    percent,
    whole_percent,
)
from tsfm_runner.evaluation.schema import Document, Overall, OverallInterval

SHOWN_SKIPPED = 500
_ALSO = 0.9


class Cell(NamedTuple):
    """A cell of a table: its text and, where it has one, its class."""

    text: str
    kind: str = ""


Row = Sequence[str | Cell]


def table(headings: Sequence[str], bodies: str, *, caption: str) -> str:
    """Return a table that scrolls in a box of its own."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in headings)
    told = escape(caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{told}">'
        f"<table><caption>{told}</caption>"
        f"<thead><tr>{heads}</tr></thead>{bodies}</table></div>"
    )


def body(rows: Iterable[Row], *, attributes: str = "") -> str:
    """Return rows whose first cell names them."""
    return f"<tbody{attributes}>{''.join(map(_row, rows))}</tbody>"


def _row(row: Row) -> str:
    first, *rest = (cell if isinstance(cell, Cell) else Cell(cell) for cell in row)
    cells = "".join(f"<td{_class(one)}>{escape(one.text)}</td>" for one in rest)
    return f'<tr><th scope="row"{_class(first)}>{escape(first.text)}</th>{cells}</tr>'


def _class(cell: Cell) -> str:
    return f' class="{cell.kind}"' if cell.kind else ""


def headline_table(document: Document) -> str:
    """Return every entry for each choice of the reader; all but the first hidden."""
    choices = product(freqs_of(document), ("group", "origin"), few_steps(document))
    bodies = "".join(
        _headline_body(document, choice, is_hidden=place > 0)
        for place, choice in enumerate(choices)
    )
    main = whole_percent(main_coverage(document))
    also = () if _also(document) is None else (f"{whole_percent(_ALSO)}: C₋ to C₊",)
    headings = (
        "entry",
        f"{main}: C₋ to C₊",
        "misses below / above",
        "width, points",
        f"interval score {main}",
        *also,
        "WIS",
        "MAE",
        "RMSE",
        "near / ceiling",
        "breaches / followed",
        "outcomes",
    )
    return table(headings, bodies, caption="Every entry, the best interval score first")


def _also(document: Document) -> float | None:
    is_other = _ALSO in document["coverages"] and main_coverage(document) != _ALSO
    return _ALSO if is_other else None


def _headline_body(
    document: Document, choice: tuple[str, str, int], *, is_hidden: bool
) -> str:
    freq, weighting, step = choice
    cells = [
        cell
        for cell in document["overall"]
        if (cell["freq"], cell["weighting"]) == (freq, weighting)
        and (cell["step"] or ALL_STEPS) == step
    ]
    scored = sorted(
        ((_score(document, cell), place) for place, cell in enumerate(cells)),
        key=lambda pair: (pair[0] is None, pair[0] or 0.0, pair[1]),
    )
    attributes = (
        f' data-freq="{escape(freq)}" data-weighting="{weighting}" data-step="{step}"'
        + (" hidden" if is_hidden else "")
    )
    rows = [_headline_row(document, cells[place]) for _, place in scored]
    return body(rows, attributes=attributes)


def _score(document: Document, cell: Overall) -> float | None:
    interval = interval_at(cell, main_coverage(document))
    return None if interval is None else interval["interval_score"]


def _headline_row(document: Document, cell: Overall) -> Row:
    main = interval_at(cell, main_coverage(document))
    also = _also(document)
    return (
        cell["entry"],
        *_main_cells(main),
        *(() if also is None else (_coverage_cell(interval_at(cell, also)),)),
        number(cell["wis"]),
        number(cell["mae"]),
        number(cell["rmse"]),
        UNKNOWN if main is None else _pair(main["near"], main["near_ceiling"]),
        _pair(cell["breach_rate"], cell["follow_through"]),
        f"{cell['n']:,}",
    )


def _main_cells(interval: OverallInterval | None) -> tuple[str | Cell, ...]:
    if interval is None:
        return (UNKNOWN,) * 4
    score, width = interval["interval_score"], interval["width"]
    low, high = interval["interval_score_low"], interval["interval_score_high"]
    reach = "" if low is None or high is None else f" [{low:.4f}, {high:.4f}]"
    return (
        _coverage_cell(interval),
        _pair(interval["below"], interval["above"]),
        UNKNOWN if width is None else f"{100 * width:.2f}",
        number(score) + reach,
    )


def _coverage_cell(interval: OverallInterval | None) -> str | Cell:
    right = None if interval is None else is_right(interval)
    if interval is None or right is None:
        return UNKNOWN
    ends = percent(interval["open"]).removesuffix(" %"), percent(interval["closed"])
    mark = "✓" if right else "✗"
    return Cell(f"{' to '.join(ends)} {mark}", "right" if right else "off")


def _pair(share: float | None, other: float | None) -> str:
    """Write two shares as one, as ``9.1 / 10.4 %``."""
    if share is None and other is None:
        return UNKNOWN
    return f"{percent(share).removesuffix(' %')} / {percent(other)}"


def checks_table(document: Document) -> str:
    """Return what was done to find knowledge of the future, and what came out."""
    rows = [
        (
            one["check"],
            Cell("passed", "right") if one["passed"] else Cell("FAILED", "off"),
            one["told"],
        )
        for one in document["leakage_checks"]
    ]
    return table(("check", "result", "told"), body(rows), caption="Leakage checks")


def fallbacks_table(document: Document) -> str:
    """Return how often something else answered; a sentence where nothing did."""
    rows = [
        (one["entry"], one["freq"], one["reason"], f"{one['n']:,}")
        for one in document["fallbacks"]
    ]
    if not rows:
        return "<p>Every forecast came from the model that was asked.</p>"
    headings = ("entry", "frequency", "reason", "forecasts")
    return table(headings, body(rows), caption="Fallbacks")


def skipped_tables(document: Document) -> str:
    """Return how many markets are missing and why, and who they are."""
    reasons = Counter(one["reason"] for one in document["skipped"])
    counts = [
        *((reason, "left out", f"{n:,}") for reason, n in document["left_out"].items()),
        *((reason, "skipped", f"{n:,}") for reason, n in reasons.most_common(20)),
    ]
    if not counts:
        return "<p>Every market was studied.</p>"
    headings = ("reason", "", "markets")
    parts = [table(headings, body(counts), caption="Markets that are not in the study")]
    if skipped := document["skipped"]:
        rows = [(one["market_id"], one["reason"]) for one in skipped[:SHOWN_SKIPPED]]
        n_more = len(skipped) - len(rows)
        more = f" (the first {len(rows):,}; {n_more:,} more)" if n_more > 0 else ""
        caption = f"Skipped markets{more}"
        named = table(("market", "reason"), body(rows), caption=caption)
        parts.append(f"<details><summary>{caption}</summary>{named}</details>")
    return "".join(parts)


def manifest_table(document: Document) -> str:
    """Return everything that a repetition of the run needs, by dotted name."""
    manifest: JsonValue = dict(document["manifest"])  # type: ignore[arg-type]
    rows = list(_flat("", manifest))
    return table(("setting", "value"), body(rows), caption="Run manifest")


def _flat(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}" if name else key, part)
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    else:
        yield name, str(value)
