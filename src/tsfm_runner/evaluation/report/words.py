"""The verdict of a study in sentences."""

from collections.abc import Iterator

from tsfm_runner.evaluation.report.choosing import (
    badness,
    best_entry,
    chief_cells,
    chief_ratios,
    chief_segments,
    interval_at,
    main_coverage,
)
from tsfm_runner.evaluation.schema import (
    AgeInterval,
    Document,
    Overall,
    OverallInterval,
)

UNKNOWN = "—"
_GIB_MB = 1024
_MINUTE_S = 60
_SHOWN_DIGITS = 3


def percent(share: float | None, *, digits: int = 1) -> str:
    """Write a share as a reader wants it.

    >>> percent(0.8123), percent(0.8, digits=0), percent(None)
    ('81.2 %', '80 %', '—')
    """
    return UNKNOWN if share is None else f"{100 * share:.{digits}f} %"


def whole_percent(share: float) -> str:
    """Write a share that was chosen, without zeros that say nothing.

    >>> whole_percent(0.9), whole_percent(0.975)
    ('90 %', '97.5 %')
    """
    return f"{round(100 * share, 6):g} %"


def number(value: float | None, *, digits: int = 4) -> str:
    """Write a score.

    >>> number(0.03251), number(None)
    ('0.0325', '—')
    """
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def between(low: float | None, high: float | None, *, digits: int = 3) -> str:
    """Write the ends of an interval.

    >>> between(0.9, 1.1), between(None, 1.1)
    ('[0.900, 1.100]', '—')
    """
    if low is None or high is None:
        return UNKNOWN
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def is_right(interval: AgeInterval) -> bool | None:
    """Whether the target lies between open and closed coverage, where known."""
    low, high = interval["open"], interval["closed"]
    if low is None or high is None:
        return None
    return low <= interval["coverage"] <= high


def subject(document: Document) -> str:
    """Return in a sentence what was studied."""
    manifest = document["manifest"]
    data, horizon = manifest["data"], document["horizon"]
    ahead = f"{horizon} steps ahead" if horizon > 1 else "one step ahead"
    freqs = ", ".join(manifest["steps"])
    return (
        f"{len(document['entries'])} entries on {data['n_markets']:,} markets of "
        f"{data['n_groups']:,} independent groups in “{data['name']}” "
        f"({data['n_points']:,} prices), {ahead} at {freqs}; "
        f"split “{manifest['split']['name']}”{_effort(document)}."
    )


def _effort(document: Document) -> str:
    timing = document.get("timing")
    if timing is None:
        return ""
    elapsed_s, memory_mb = timing["elapsed_s"], timing["peak_memory_mb"]
    told = f"; {timing['n_origins']:,} origins"
    if elapsed_s is not None:
        is_long = elapsed_s >= _MINUTE_S
        told += f" in {elapsed_s / _MINUTE_S:.1f} min" if is_long else ""
        told += "" if is_long else f" in {elapsed_s:.1f} s"
    if memory_mb is not None:
        told += f" and {memory_mb / _GIB_MB:.1f} GiB of memory"
    return told


def alarms(document: Document) -> list[str]:
    """Return what makes every number of the study worthless."""
    return [
        f"{one['check']}: {one['told']}"
        for one in document["leakage_checks"]
        if not one["passed"]
    ]


def verdict(document: Document) -> list[str]:
    """Return the findings, the most important first."""
    entry = best_entry(document)
    if entry is None:
        return ["Nothing could be scored, so there is no verdict."]
    return [
        *_praise(document, entry),
        *_compared(document, entry),
        *_promises(document),
        *_segments(document, entry),
    ]


def _praise(document: Document, entry: str) -> Iterator[str]:
    coverage = main_coverage(document)
    [cell] = [one for one in chief_cells(document) if one["entry"] == entry][:1]
    interval = interval_at(cell, coverage)
    if interval is None or interval["interval_score"] is None:
        yield f"{entry} has the lowest weighted interval score, {number(cell['wis'])}."
        return
    told = whole_percent(coverage)
    yield (
        f"{entry} has the lowest interval score at {told}, "
        f"{number(interval['interval_score'])}, with bands "
        f"{_points(interval['width'])} wide on average."
    )
    yield from _kept(entry, interval, n_groups=cell["n_groups"])


def _points(width: float | None) -> str:
    return UNKNOWN if width is None else f"{100 * width:.{_SHOWN_DIGITS - 1}f} points"


def _kept(entry: str, interval: OverallInterval, *, n_groups: int) -> Iterator[str]:
    right = is_right(interval)
    if right is None:
        return
    target = whole_percent(interval["coverage"])
    is_sure = badness(interval, n_groups=n_groups)[0] > 0
    told = "keeps" if right else "breaks" if is_sure else "misses"
    doubt = "" if right or is_sure else ", though not beyond its 95 % interval"
    closed, inside = percent(interval["closed"]), percent(interval["open"])
    yield (
        f"It {told} its promise of {target}{doubt}: {closed} of outcomes fell inside "
        f"with the edges (C₊) and {inside} without (C₋); a band is right when "
        "C₋ ≤ target ≤ C₊." + (f" Mind this before you serve {entry}." * is_sure)
    )


def _compared(document: Document, entry: str) -> Iterator[str]:
    ratios = chief_ratios(document, entry)
    if not ratios:
        return
    rival = ratios[0]
    won = [one for one in ratios if one["is_significant"] and (one["ratio"] or 1) < 1]
    sure = "significant" if rival in won else "not significant"
    yield (
        f"Against its hardest rival, {rival['against']}, the score is "
        f"{number(rival['ratio'], digits=3)} of the other's, 95 % interval "
        f"{between(rival['low'], rival['high'])}: {sure}. It is significantly better "
        f"than {len(won)} of {len(ratios)} others."
    )


def _promises(document: Document) -> Iterator[str]:
    known = [
        right
        for cell in chief_cells(document)
        for right in _rightness(cell, main_coverage(document))
    ]
    if known:
        target = whole_percent(main_coverage(document))
        yield f"{sum(known)} of {len(known)} entries are right at {target} over all."


def _rightness(cell: Overall, coverage: float) -> Iterator[bool]:
    interval = interval_at(cell, coverage)
    right = None if interval is None else is_right(interval)
    if right is not None:
        yield right


def _segments(document: Document, entry: str) -> Iterator[str]:
    coverage = main_coverage(document)
    known = [
        (is_right(interval), badness(interval, n_groups=cell["n_groups"]))
        for cell in chief_segments(document, entry)
        for interval in cell["intervals"]
        if interval["coverage"] == coverage and is_right(interval) is not None
    ]
    if known:
        n_right = sum(bool(right) for right, _ in known)
        n_off = sum(sure > 0 for _, (sure, _) in known)
        yield (
            f"{entry} is right in {n_right} of {len(known)} segments and surely wrong "
            f"(beyond the 95 % interval) in {n_off}."
        )
