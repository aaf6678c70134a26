"""Scores a stored model and our baselines, raw, on windows of recorded markets.

For each cadence, and each source alone: the mean pinball loss over nine deciles and
the steps 1 to 12, as a ratio to that of a baseline, with the interval in which it lies
when events are drawn again. The same seed draws the same windows for every model.
"""

import argparse
import json
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from card import write_part
from dev_panel import read_core_series, require_data
from recorded_windows import CADENCES_S, HORIZON, cut_windows
from scores_report import card_part, ratio_rows, score_rows, terminal_table
from window_bands import baseline_bands, find_model, model_bands
from window_scores import LEVELS, MODEL, RIVALS, judged, scored


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
    parser.add_argument("--card", action="store_true", help="write the model card")
    options = parser.parse_args()
    require_data()
    document = study(options.model, options.cadence or list(CADENCES_S))
    if options.json:
        print(json.dumps(document, indent=1))
        return
    console = Console(width=120)
    for rows in (ratio_rows(document), score_rows(document)):
        console.print(terminal_table(rows))
    if options.card:
        write_part("scores", card_part(document))


if __name__ == "__main__":
    main()
