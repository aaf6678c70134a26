"""What a reader sees first: the one frequency, coverage, entry that matter most."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tsfm_runner.evaluation.bounds import LEAST_GROUPS
from tsfm_runner.evaluation.results import told_steps
from tsfm_runner.evaluation.schema import (
    ALL_FREQS,
    Document,
    Overall,
    OverallInterval,
    Ratio,
    SegmentScore,
)

MAIN_COVERAGE = 0.8
ALL_STEPS: Final = 0  # in tables of numbers; the document says null


def freqs_of(document: Document) -> list[str]:
    """Return the frequencies that were scored, all of them together first."""
    found = dict.fromkeys(cell["freq"] for cell in document["overall"])
    return sorted(found, key=lambda freq: freq != ALL_FREQS)


def main_coverage(document: Document) -> float:
    """Return 0.8, or the coverage in the middle where that was not asked for."""
    coverages = document["coverages"]
    if MAIN_COVERAGE in coverages or not coverages:
        return MAIN_COVERAGE
    return sorted(coverages)[len(coverages) // 2]


def few_steps(document: Document) -> list[int]:
    """Return all steps together, the first, the middle and the last one."""
    return [ALL_STEPS, *told_steps(document["horizon"])]


def chief_cells(document: Document) -> list[Overall]:
    """Return an entry's cell each: all steps, groups alike, the first frequency."""
    freqs = freqs_of(document)
    return [
        cell
        for cell in document["overall"]
        if cell["freq"] == freqs[0]
        and cell["step"] is None
        and cell["weighting"] == "group"
    ]


def interval_at(cell: Overall, coverage: float) -> OverallInterval | None:
    """Return what a cell says of one coverage."""
    found = (one for one in cell["intervals"] if one["coverage"] == coverage)
    return next(found, None)


def best_entry(document: Document) -> str | None:
    """Return the entry of the lowest interval score, by WIS where that is unknown."""
    coverage, cells = main_coverage(document), chief_cells(document)
    by_interval = _lowest(cells, lambda cell: _interval_score(cell, coverage))
    return by_interval or _lowest(cells, lambda cell: cell["wis"])


def _interval_score(cell: Overall, coverage: float) -> float | None:
    interval = interval_at(cell, coverage)
    return None if interval is None else interval["interval_score"]


def _lowest(
    cells: Iterable[Overall], score: Callable[[Overall], float | None]
) -> str | None:
    known = [
        (value, cell["entry"])
        for cell in cells
        for value in [score(cell)]
        if value is not None
    ]
    return min(known)[1] if known else None


def chief_ratios(document: Document, entry: str) -> list[Ratio]:
    """Return an entry's interval score over that of others, the hardest rival first."""
    metric, freqs = f"interval_score_{main_coverage(document):g}", freqs_of(document)
    found = [
        (one["ratio"], one)
        for one in document["ratios"]
        if one["entry"] == entry
        and one["metric"] == metric
        and one["freq"] == freqs[0]
        and one["step"] is None
        and one["weighting"] == "group"
    ]
    known = [(ratio, one) for ratio, one in found if ratio is not None]
    return [one for _, one in sorted(known, key=lambda pair: -pair[0])]


def chief_segments(document: Document, entry: str | None) -> list[SegmentScore]:
    """Return an entry's segments over all steps, of one frequency where it has that."""
    found = [
        cell
        for cell in document["segments"]
        if cell["entry"] == entry and cell["step"] is None
    ]
    first = [cell for cell in found if cell["freq"] in freqs_of(document)[:1]]
    return first or found


def badness(interval: Mapping[str, Any], *, n_groups: int) -> tuple[float, float]:
    """Return how far an interval surely is from its target, and how far it looks.

    It is sure of the distance from the target to the nearest end of the 95 %
    intervals of open and closed coverage, which must both be known; a few groups
    are sure of nothing.
    """
    low, high, target = interval["open"], interval["closed"], interval["coverage"]
    surely_low = low if interval["open_low"] is None else interval["open_low"]
    surely_high = high if interval["closed_high"] is None else interval["closed_high"]
    sure = max(target - surely_high, surely_low - target, 0.0)
    seen = max(target - high, low - target, 0.0)
    return (sure if n_groups >= LEAST_GROUPS else 0.0), seen
