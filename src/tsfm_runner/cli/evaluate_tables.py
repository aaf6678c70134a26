"""What a study found, as tables for the terminal that fit 80 columns."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tsfm_runner.cli.tables import plain_table
from tsfm_runner.evaluation.report.choosing import (
    ALL_STEPS,
    badness,
    best_entry,
    chief_segments,
    few_steps,
    freqs_of,
    interval_at,
    main_coverage,
)
from tsfm_runner.evaluation.report.words import (
    UNKNOWN,
    alarms,
    between,
    is_right,
    number,
    verdict,
    whole_percent,
)
from tsfm_runner.evaluation.schema import (
    AgeInterval,
    Document,
    Overall,
    OverallInterval,
    Ratio,
    SegmentInterval,
    SegmentScore,
)

SHOWN_SEGMENTS = 10
SHOWN_SKIPPED = 10
_OUTER_COVERAGE = 0.9
_KINDS = {"raw": "raw", "calibrated": "cal."}


def study_tables(document: Document) -> RenderableType:
    """Return what a study found, the most important first."""
    parts: list[RenderableType] = [
        *(Text(f"LEAKAGE: {told}", style="bold red") for told in alarms(document)),
        *(Text(sentence) for sentence in verdict(document)),
        Text(),
        *_headline_tables(document),
        *_ratio_tables(document),
        *_segment_tables(document),
        *_skipped_tables(document),
    ]
    return Group(*parts)


def _headline_tables(document: Document) -> Iterator[Table]:
    for step in few_steps(document):
        cells = [one for one in _chosen(document) if (one["step"] or ALL_STEPS) == step]
        if cells:
            yield _headline_table(document, cells, told=_step_name(step))


def _chosen(document: Document) -> list[Overall]:
    """Return the cells of the first frequency, every group alike."""
    freqs = freqs_of(document)
    return [
        cell
        for cell in document["overall"]
        if cell["freq"] == freqs[0] and cell["weighting"] == "group"
    ]


def _step_name(step: int) -> str:
    return "all steps" if step == ALL_STEPS else f"step {step}"


def _headline_table(document: Document, cells: list[Overall], *, told: str) -> Table:
    coverage = main_coverage(document)
    outer = f"C₊{100 * _OUTER_COVERAGE:g}"
    names = ("model", "", "C₋", "C₊", "", outer, "width", "score", "WIS", "MAE", "near")
    title = f"{whole_percent(coverage)} band, {told} (shares and widths in points)"
    table = _narrow_table(title, *names, n_texts=2)
    ranked = sorted(cells, key=lambda cell: _rank(interval_at(cell, coverage)))
    kinds = {one["entry"]: one for one in document["entries"]}
    for cell in ranked:
        about = kinds[cell["entry"]]
        interval = interval_at(cell, coverage)
        outermost = interval_at(cell, _OUTER_COVERAGE)
        table.add_row(
            Text(about["model"]),
            _KINDS[about["kind"]],
            *_interval_cells(interval),
            _points(None if outermost is None else outermost["closed"]),
            _points(None if interval is None else interval["width"], digits=2),
            _score(None if interval is None else interval["interval_score"]),
            _score(cell["wis"]),
            _score(cell["mae"]),
            UNKNOWN if interval is None else _near(interval),
        )
    return table


def _narrow_table(title: str, *names: str, n_texts: int = 1) -> Table:
    """Return a table with two blanks between columns; numbers follow the texts."""
    table = plain_table(escape(title), *names)
    table.padding = (0, 1, 0, 0)
    for column in table.columns[n_texts:]:
        column.justify = "right"
        column.no_wrap = True
    return table


def _rank(interval: OverallInterval | None) -> tuple[bool, float]:
    score = None if interval is None else interval["interval_score"]
    return score is None, score or 0.0


def _interval_cells(interval: AgeInterval | None) -> tuple[str, str, Text]:
    if interval is None:
        return UNKNOWN, UNKNOWN, Text()
    right = is_right(interval)
    mark = Text() if right is None else _mark(is_good=right)
    return _points(interval["open"]), _points(interval["closed"]), mark


def _mark(*, is_good: bool) -> Text:
    return Text("✓", style="green") if is_good else Text("✗", style="bold red")


def _points(share: float | None, *, digits: int = 1) -> str:
    return UNKNOWN if share is None else f"{100 * share:.{digits}f}"


def _score(value: float | None) -> str:
    """Write a score without the nought that all of them have.

    >>> _score(0.03251), _score(1.5), _score(None)
    ('.0325', '1.5000', '—')
    """
    return number(value).removeprefix("0")


def _near(interval: OverallInterval) -> str:
    near, ceiling = interval["near"], interval["near_ceiling"]
    if near is None:
        return UNKNOWN
    return f"{_points(near, digits=0)}/{_points(ceiling, digits=0)}"


def _ratio_tables(document: Document) -> Iterator[Table]:
    """Yield the ratios of every entry to each baseline, a table for each."""
    metric = f"interval_score_{main_coverage(document):g}"
    baselines = {one["entry"] for one in document["entries"] if one["is_baseline"]}
    freqs = freqs_of(document)
    chosen = [
        one
        for one in document["ratios"]
        if one["against"] in baselines
        and one["metric"] == metric
        and one["step"] is None
        and one["weighting"] == "group"
        and one["freq"] == freqs[0]
    ]
    told = f"interval score at {whole_percent(main_coverage(document))}"
    for against in dict.fromkeys(one["against"] for one in chosen):
        rows = [one for one in chosen if one["against"] == against]
        yield _ratio_table(rows, title=f"Ratio to {against}, {told}")


def _ratio_table(rows: list[Ratio], *, title: str) -> Table:
    table = _narrow_table(title, "entry", "ratio", "95 % interval", "")
    rows.sort(key=lambda one: (one["ratio"] is None, one["ratio"] or 0.0))
    for one in rows:
        table.add_row(
            Text(one["entry"]),
            number(one["ratio"], digits=3),
            between(one["low"], one["high"]),
            _significance(one),
        )
    return table


def _significance(ratio: Ratio) -> Text:
    if not ratio["is_significant"] or ratio["ratio"] is None:
        return Text("not told apart", style="dim")
    if ratio["ratio"] < 1:
        return Text("better", style="green")
    return Text("worse", style="red")


def _segment_tables(document: Document) -> Iterator[Table]:
    """Yield the worst segments of the best entry, where any are known."""
    entry = best_entry(document)
    known = [
        (badness(interval, n_groups=cell["n_groups"]), cell, interval)
        for cell in chief_segments(document, entry)
        for interval in cell["intervals"]
        if interval["coverage"] == main_coverage(document)
        and None not in (interval["open"], interval["closed"])
    ]
    if known:
        known.sort(key=lambda one: one[0], reverse=True)
        shown = [(cell, interval) for _, cell, interval in known[:SHOWN_SEGMENTS]]
        told = f"{entry}: the {len(shown)} worst of {len(known)} segments"
        band = whole_percent(main_coverage(document))
        yield _segment_table(shown, title=f"{told}, {band} band, all steps")


def _segment_table(
    shown: list[tuple[SegmentScore, SegmentInterval]], *, title: str
) -> Table:
    names = ("segment", "C₋", "C₊", "", "off by", "surely", "groups")
    table = _narrow_table(title, *names)
    has_freqs = len({cell["freq"] for cell, _ in shown}) > 1
    for cell, interval in shown:
        sure, seen = badness(interval, n_groups=cell["n_groups"])
        table.add_row(
            Text(f"{cell['freq']} " * has_freqs + _segment_words(cell["segment"])),
            *_interval_cells(interval),
            _points(seen),
            _points(sure),
            f"{cell['n_groups']:,}",
        )
    return table


def _segment_words(segment: str) -> str:
    """Write the name of a segment so that it may be broken into lines.

    >>> _segment_words("category=weather,moving=<0.03")
    'weather moving=<0.03'
    """
    return segment.removeprefix("category=").replace(",", " ").replace(">=", "≥")


def _skipped_tables(document: Document) -> Iterator[Table]:
    """Yield why markets are not in the study, and the first that were skipped."""
    skipped = document["skipped"]
    reasons = Counter(one["reason"] for one in skipped)
    if not (reasons or document["left_out"]):
        return
    table = plain_table("Markets not in the study")
    for reason, n in document["left_out"].items():
        table.add_row(Text(f"left out: {reason}"), f"{n:,}")
    for one in skipped[:SHOWN_SKIPPED]:
        table.add_row(Text(f"skipped {one['market_id']}"), Text(one["reason"]))
    if len(skipped) > SHOWN_SKIPPED:
        table.add_row("skipped", f"{len(skipped) - SHOWN_SKIPPED:,} more")
    yield table
