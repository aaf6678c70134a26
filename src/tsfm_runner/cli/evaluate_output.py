"""The files of a study, and where they are."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tsfm_runner.adapters.files.results import write_table, write_text
from tsfm_runner.adapters.verdict_file import write_verdict
from tsfm_runner.evaluation.banding import band_frames
from tsfm_runner.evaluation.study import Study
from tsfm_runner.facade import Evaluation
from tsfm_runner.ports import WorkStore

BANDS = "bands.parquet"
_REPORT = "report.html"
_SCORES, _TABLE = "scores.json", "scores.parquet"
_RUN = "run.json"
_VERDICT = "verdict.yaml"
FILES = (_REPORT, _SCORES, _TABLE, _RUN, _VERDICT, BANDS)


def write_bands(path: Path, study: Study, store: WorkStore) -> None:
    """Write every band of a study."""
    write_table(path, band_frames(study, store))


def write_files(folder: Path, found: Evaluation) -> list[Path]:
    """Write what a study found; return the files, the report first."""
    report, scores = folder / _REPORT, folder / _SCORES
    table, run = folder / _TABLE, folder / _RUN
    write_text(scores, json.dumps(found.document, allow_nan=False) + "\n")
    write_table(table, [found.markets])
    write_text(run, json.dumps(found.timing, indent=1) + "\n")
    write_text(report, found.to_html())
    if found.verdict is None:
        return [report, scores, table, run]
    verdict = folder / _VERDICT
    write_verdict(found.verdict, verdict)
    return [report, scores, table, run, verdict]


def tell_files(console: Console, found: Evaluation, files: Sequence[Path]) -> None:
    """Say what it took, what was decided, and what was written."""
    timing = found.timing
    console.print(
        f"{timing['n_origins']:,} origins in {timing['elapsed_s']:,.0f} s, at most "
        f"{timing['peak_memory_mb']:,.0f} MB"
    )
    if found.verdict is None:
        console.print("No verdict: it takes a model and a baseline to compare it with.")
    else:
        n_segments = len(found.verdict.segments)
        console.print(
            f"Verdict: proven in {found.verdict.n_proven} of {n_segments} segments."
        )
    for path in files:
        console.print(f"  {path}", soft_wrap=True)
