"""What the plots of a report draw: flat tables of few digits, and no more rows.

A table is kept by columns, and a column of texts as codes into its few names, so
that a report of thousands of cells stays small.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from tsfm_runner.evaluation.bounds import LEAST_GROUPS
from tsfm_runner.evaluation.report.choosing import (
    ALL_STEPS,
    badness,
    best_entry,
    chief_ratios,
    few_steps,
    freqs_of,
    main_coverage,
)
from tsfm_runner.evaluation.schema import Document, DrawnMarket

SHOWN_SEGMENTS = 20
SHOWN_MARKETS = 4
SHOWN_POINTS = 300
_DIGITS = 4

Row: TypeAlias = Mapping[str, Any]
Columns: TypeAlias = dict[str, Any]


def plot_data(document: Document) -> dict[str, Any]:
    """Return everything that the plots of a report need, as JSON can hold it."""
    steps = few_steps(document)
    segments = list(_intervals(document["segments"], steps))
    best = best_entry(document)
    ratios = [] if best is None else chief_ratios(document, best)
    return {
        "coverages": document["coverages"],
        "least_groups": LEAST_GROUPS,
        "coverage": main_coverage(document),
        "freqs": freqs_of(document),
        "horizon": document["horizon"],
        "entries": document["entries"],
        "best": best,
        "rival": ratios[0]["against"] if ratios else None,
        "intervals": packed(_intervals(document["overall"])),
        "levels": packed(_levels(document)),
        "segments": packed(_worst(segments)),
        "segment_counts": packed(_counts(segments)),
        "ratios": packed(map(_stepped, document["ratios"])),
        "cold_start": packed(_intervals(document["cold_start"], steps)),
        "markets": list(_markets(document["markets"])),
    }


def packed(rows: Iterable[Row]) -> Columns:
    """Return rows by column: numbers as they are, texts as codes into their names.

    >>> packed([{"entry": "har", "wis": 0.123456}, {"entry": "har", "wis": None}])
    {'entry': {'names': ['har'], 'codes': [0, 0]}, 'wis': [0.1235, None]}
    """
    columns: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            columns[name].append(_short(value))
    return {name: _coded(column) for name, column in columns.items()}


def _short(value: Any) -> Any:  # noqa: ANN401
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _coded(column: list[Any]) -> Any:  # noqa: ANN401
    if not any(isinstance(value, str) for value in column):
        return column
    places = {name: place for place, name in enumerate(dict.fromkeys(column))}
    return {"names": list(places), "codes": [places[value] for value in column]}


def _stepped(row: Row) -> dict[str, Any]:
    """Return the row where all steps together are the step 0."""
    return {**row, "step": ALL_STEPS if row["step"] is None else row["step"]}


def _intervals(
    cells: Iterable[Row], steps: Sequence[int] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row for each interval of each cell, of the given steps only."""
    for cell in map(_stepped, cells):
        if steps is not None and cell["step"] not in steps:
            continue
        keys = {
            name: value
            for name, value in cell.items()
            if name not in {"intervals", "levels"}
        }
        for interval in cell["intervals"]:
            yield {**keys, **interval}


def _levels(document: Document) -> Iterator[Row]:
    names = ("entry", "freq", "step", "weighting", "n", "n_groups")
    for cell in map(_stepped, document["overall"]):
        for level in cell["levels"]:
            yield {**{name: cell[name] for name in names}, **level}


def _by_plot(rows: Iterable[Row]) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows that may stand in one plot: all but the segment is the same."""
    plots: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if None not in (row["open"], row["closed"]):
            key = row["entry"], row["freq"], row["step"], row["coverage"]
            plots[key].append(row)
    return plots


def _badness(row: Row) -> tuple[float, float]:
    return badness(row, n_groups=row["n_groups"])


def _worst(rows: Iterable[Row]) -> Iterator[Row]:
    for plot in _by_plot(rows).values():
        ranked = sorted(plot, key=_badness, reverse=True)
        yield from ranked[:SHOWN_SEGMENTS]


def _counts(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield how many segments keep their promise, and how many surely do not."""
    for (entry, freq, step, coverage), plot in _by_plot(rows).items():
        yield {
            "entry": entry,
            "freq": freq,
            "step": step,
            "coverage": coverage,
            "n": len(plot),
            "n_right": sum(r["open"] <= coverage <= r["closed"] for r in plot),
            "n_off": sum(_badness(row)[0] > 0 for row in plot),
        }


def _markets(markets: Iterable[DrawnMarket]) -> Iterator[dict[str, Any]]:
    """Yield the first markets of each kind, the last points of each."""
    n_shown: dict[tuple[str, str, str], int] = defaultdict(int)
    for market in markets:
        key = market["entry"], market["freq"], market["place"]
        n_shown[key] += 1
        if n_shown[key] <= SHOWN_MARKETS:
            yield _market(market)


def _market(market: DrawnMarket) -> dict[str, Any]:
    last = slice(-SHOWN_POINTS, None)
    return {
        **market,
        "times": [_epoch_s(time) for time in market["times"][last]],
        "prices": _shortened(market["prices"][last]),
        "median": _shortened(market["median"][last]),
        "bands": [
            {
                "coverage": band["coverage"],
                "lower": _shortened(band["lower"][last]),
                "upper": _shortened(band["upper"][last]),
            }
            for band in market["bands"]
        ],
        "n_points": len(market["times"]),
    }


def _shortened(values: Iterable[float | None]) -> list[Any]:
    return [_short(value) for value in values]


def _epoch_s(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp())
