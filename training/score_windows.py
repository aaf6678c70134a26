"""Scores a stored model and our baselines, raw, on windows of recorded markets.

For each cadence, and each source alone: the mean pinball loss over nine deciles and
the steps 1 to 12, as a ratio to that of a baseline, with the interval in which it lies
when events are drawn again. The same seed draws the same windows for every model.
"""

import argparse
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dev_panel import read_core_series, require_data
from recorded_windows import CADENCES_S, HORIZON, cut_windows
from window_bands import baseline_bands, find_model, model_bands
from window_scores import COVERAGE, LEVELS, MODEL, RIVALS, judged, scored

LEAST_EVENTS = 5  # fewer are listed without an interval that could be believed


def study(named: str, cadences: list[str]) -> dict[str, Any]:
    """Return everything that is printed of one model."""
    model = find_model(named)
    by_cadence = {}
    for cadence in track(cadences, "scoring", console=Console(stderr=True)):
        windows = cut_windows(read_core_series(), cadence)
        bands = {MODEL: model_bands(model, windows)}
        bands |= {name: baseline_bands(name, windows) for name in RIVALS}
        sums = scored(bands, windows.futures, weights=windows.weights)
        by_source = {
            source: judged(
                {name: rows[windows.sources == source] for name, rows in sums.items()},
                windows.events[windows.sources == source],
            )
            for source in np.unique(windows.sources).tolist()
        }
        all_of_them = judged(sums, windows.events)
        by_cadence[cadence] = {"all": all_of_them, "by_source": by_source}
    manifest = model.manifest
    return {
        "model": f"{manifest.name}@{manifest.revision}",
        "sha256": manifest.sha256,
        "horizon": HORIZON,
        "quantile_levels": LEVELS,
        "cadences": by_cadence,
    }


def ratio_table(document: Mapping[str, Any]) -> Table:
    """Return the table of ratios, a row for each cadence and each of its sources."""
    table = Table(title=f"{document['model']}: mean pinball loss, ratio to", box=None)
    table.add_column("")
    for name in ("windows", "events", *RIVALS):
        table.add_column(name, justify="right")
    for cadence, found in document["cadences"].items():
        rows = {cadence: found["all"]} | {
            f"  {source}": one for source, one in found["by_source"].items()
        }
        for name, one in rows.items():
            ratios = (_with_edges(one, against) for against in RIVALS)
            style = "bold" if name == cadence else None
            counts = f"{one['n_windows']:,}", f"{one['n_events']:,}"
            table.add_row(name, *counts, *ratios, style=style)
    return table


def _with_edges(one: Mapping[str, Any], against: str) -> str:
    value, low, high = one["ratios"][against].values()
    if one["n_events"] < LEAST_EVENTS or low is None:
        return f"{value:.3f} ({'few events':^12s})"
    return f"{value:.3f} ({low:.3f}-{high:.3f})"


def score_table(document: Mapping[str, Any]) -> Table:
    """Return the table of raw bands: coverage without and with the edges, and size."""
    table = Table(title=f"raw bands of {COVERAGE:.0%}, steps 1 to {HORIZON}", box=None)
    table.add_column("")
    table.add_column("by")
    for name in ("C-", "C+", "C+ lies in", "width", "interval score", "mean pinball"):
        table.add_column(name, justify="right")
    for cadence, found in document["cadences"].items():
        for name, scores in found["all"]["scores"].items():
            inside, closed, *sizes = (one["value"] for one in scores.values())
            edges = "{low:.3f}-{high:.3f}".format(**scores["closed"])
            cells = (f"{inside:.3f}", f"{closed:.3f}", edges)
            shown = document["model"] if name == MODEL else name
            table.add_row(cadence, shown, *cells, *(f"{one:.5f}" for one in sizes))
    return table


def main() -> None:
    """Print how a model does on recorded markets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "model",
        nargs="?",
        default="tsfm-mini",
        help="name, name@revision, or path of a model folder or ONNX file",
    )
    parser.add_argument("--cadence", choices=CADENCES_S, action="append")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    options = parser.parse_args()
    require_data()
    document = study(options.model, options.cadence or list(CADENCES_S))
    if options.json:
        print(json.dumps(document, indent=1))
        return
    console = Console(width=120)
    console.print(ratio_table(document))
    console.print(score_table(document))


if __name__ == "__main__":
    main()
