"""Where the signals of a backfill go: a file, or the standard output."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tsfm_runner.adapters.whole_file import whole_file
from tsfm_runner.api.breach_schemas import breach_of
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.errors import UnreadableInputError

STDOUT = "-"
_COUNTS = ("id", "n_steps", "band_step")
_NUMBERS = (
    *("opened_price", "price", "p_value", "q_value"),
    *("band_coverage", "band_lower", "band_median", "band_upper"),
    "follow_through_largest_move",
)
_CLAIMS = ("is_open", "follow_through_followed")
_TIMES = (
    *("opened_at", "ts", "closed_at", "recorded_at"),
    *("band_issued_at", "follow_through_decided_at"),
)
_COLUMNS = (
    *("id", "dedupe_key", "market_id", "event_id", "phase", "severity", "direction"),
    *("opened_at", "opened_price", "ts", "price", "p_value", "q_value", "n_steps"),
    *("is_open", "closed_at", "close_reason"),
    *("band_issued_at", "band_step", "band_freq", "band_coverage"),
    *("band_lower", "band_median", "band_upper"),
    *("band_model_name", "band_model_version", "band_segment"),
    *("follow_through_followed", "follow_through_largest_move"),
    *("follow_through_decided_at", "recorded_at"),
)


def write_signals(signals: Sequence[BreachSignal], out: str) -> None:
    """Write signals as on the HTTP API, or for tables one row each, flat.

    A file appears as a whole. Raises ``UnreadableInputError`` where it cannot.
    """
    if out == STDOUT:
        sys.stdout.write(_lines(signals))
        return
    write = writer_for(out)
    with whole_file(Path(out), prefix=".signals-") as whole:
        write(signals, whole)


def writer_for(out: str) -> Callable[[Sequence[BreachSignal], Path], None]:
    """Return what writes such a file; raise ``UnreadableInputError`` for another."""
    suffix = Path(out).suffix
    writer = _WRITERS.get(suffix)
    if writer is None and out != STDOUT:
        raise UnreadableInputError(
            f"{out}: the name must end in {', '.join(_WRITERS)}, or be -"
        )
    return writer or _write_lines


def signals_frame(signals: Sequence[BreachSignal]) -> pl.DataFrame:
    """Return one row for each signal; what is nested has the name of its place."""
    schema: dict[str, pl.DataType] = dict.fromkeys(_COLUMNS, pl.String())
    schema |= dict.fromkeys(_COUNTS, pl.Int64())
    schema |= dict.fromkeys(_NUMBERS, pl.Float64())
    schema |= dict.fromkeys(_CLAIMS, pl.Boolean())
    rows = [_flat(breach_of(one)) for one in signals]
    frame = pl.DataFrame(rows, schema=schema)
    times = pl.col(*_TIMES).str.to_datetime(time_unit="us", time_zone="UTC")
    return frame.with_columns(times)


def _flat(document: Any, prefix: str = "") -> dict[str, Any]:  # noqa: ANN401 - nested
    row: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            row |= _flat(value, f"{name}_")
        elif name in _COLUMNS:
            row[name] = value
    return row


def _lines(signals: Sequence[BreachSignal]) -> str:
    return "".join(f"{json.dumps(breach_of(one))}\n" for one in signals)


def _write_lines(signals: Sequence[BreachSignal], path: Path) -> None:
    path.write_text(_lines(signals), encoding="utf-8")


def _write_csv(signals: Sequence[BreachSignal], path: Path) -> None:
    signals_frame(signals).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")


def _write_parquet(signals: Sequence[BreachSignal], path: Path) -> None:
    signals_frame(signals).write_parquet(path)


_WRITERS: dict[str, Callable[[Sequence[BreachSignal], Path], None]] = {
    ".jsonl": _write_lines,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
