"""Write bands as one long table: a row for each market and step."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO, TypeAlias

import numpy as np
import polars as pl

from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.errors import UnreadableInputError

BandsSink: TypeAlias = Callable[[pl.DataFrame], None]

_BEFORE: dict[str, pl.DataType] = {
    "market_id": pl.String(),
    "as_of_ts": pl.Datetime("us", "UTC"),
    "step": pl.Int32(),
    "ts": pl.Datetime("us", "UTC"),
}
_AFTER: dict[str, pl.DataType] = {
    "runtime": pl.String(),
    "model_name": pl.String(),
    "fallback_reason": pl.String(),
    "warnings": pl.List(pl.String),
    "y_definition": pl.String(),
}
LEVEL_PREFIX = "q"
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.fZ"


def bands_frame(served: Sequence[ServedForecast]) -> pl.DataFrame:
    """Return the bands of many forecasts, one row a market and step.

    Columns: market_id, as_of_ts (UTC), step (from 1), ts (UTC), a ``q<level>`` for
    each level in [0, 1] (null where a market was not asked for it), then runtime,
    model_name, fallback_reason (null without one), warnings and y_definition: which
    rule made the last price (price, mid or last; null in answers to requests).
    """
    by_levels: dict[tuple[float, ...], list[ServedForecast]] = {}
    for answer in served:
        by_levels.setdefault(answer.task.quantile_levels, []).append(answer)
    frames = [_frame(group, levels) for levels, group in by_levels.items()]
    return _joined([frame.lazy() for frame in frames]).collect()


@contextmanager
def open_bands(path: Path) -> Generator[BandsSink]:
    """Hand out a function that takes bands as they come; the file appears at the end.

    Parts wait in a folder beside the target, so that memory does not grow with
    the run and nobody ever sees half a file. Raises ``UnreadableInputError`` now
    for an ending other than .parquet, .csv, .jsonl or .ndjson, or a folder that
    cannot be written to.
    """
    write = _writer_for(path)
    with _writing(path):
        folder = tempfile.TemporaryDirectory(prefix=".bands-", dir=path.parent)
    with folder as name:
        parts: list[Path] = []

        def take(frame: pl.DataFrame) -> None:
            part = Path(name) / f"{len(parts)}.parquet"
            frame.write_parquet(part)
            parts.append(part)

        yield take
        whole = Path(name) / "whole"
        with _writing(path):
            write(_joined([pl.scan_parquet(part) for part in parts]), whole)
            whole.replace(path)


def require_suffix(path: Path) -> None:
    """Raise ``UnreadableInputError`` for a file that no bands could be written to."""
    _writer_for(path)


def write_bands_lines(frame: pl.DataFrame, stream: TextIO) -> None:
    """Write bands as one JSON object a line."""
    stream.write(bands_lines(frame))


def bands_lines(frame: pl.DataFrame) -> str:
    """Return bands as one JSON object a line, with times as ``...Z``."""
    return _with_text_times(frame.lazy()).collect().write_ndjson()


def _frame(served: Sequence[ServedForecast], levels: tuple[float, ...]) -> pl.DataFrame:
    horizons = np.array([answer.task.horizon for answer in served])
    row = np.repeat(np.arange(len(served)), horizons)
    step = np.concatenate([np.arange(1, horizon + 1) for horizon in horizons])
    cutoff_us = np.array([_microseconds(answer.task.cutoff) for answer in served])
    step_us = np.array([answer.task.freq.step_s * 1_000_000 for answer in served])
    values = np.concatenate([answer.values for answer in served])
    origin = [answer.provenance for answer in served]
    columns = {
        "market_id": pl.Series([answer.task.market_id for answer in served])[row],
        "as_of_ts": cutoff_us[row],
        "step": step,
        "ts": cutoff_us[row] + step * step_us[row],
        **{f"{LEVEL_PREFIX}{q!r}": values[:, i] for i, q in enumerate(levels)},
        "runtime": pl.Series([str(item.runtime) for item in origin])[row],
        "model_name": pl.Series([item.model_name for item in origin])[row],
        "fallback_reason": _optional([item.fallback_reason for item in origin])[row],
        "warnings": _texts([item.warnings for item in origin])[row],
        "y_definition": _optional([a.task.facts.y_definition for a in served])[row],
    }
    types = {**_BEFORE, **_AFTER}
    return pl.DataFrame(columns).with_columns(
        pl.col(name).cast(dtype) for name, dtype in types.items()
    )


def _joined(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Put frames together whose levels may differ, columns in the promised order."""
    empty = pl.LazyFrame(schema={**_BEFORE, **_AFTER})
    joined = pl.concat([empty, *frames], how="diagonal")
    names = joined.collect_schema().names()
    levels = [name for name in names if name not in {**_BEFORE, **_AFTER}]
    levels.sort(key=lambda name: float(name.removeprefix(LEVEL_PREFIX)))
    return joined.select(*_BEFORE, *levels, *_AFTER)


def _optional(texts: Sequence[str | None]) -> pl.Series:
    return pl.Series(
        [None if text is None else str(text) for text in texts], dtype=pl.String
    )


def _texts(lists: Sequence[Sequence[str]]) -> pl.Series:
    return pl.Series([list(texts) for texts in lists], dtype=pl.List(pl.String))


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


@contextmanager
def _writing(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise UnreadableInputError(f"{path} cannot be written: {reason}") from exc


def _writer_for(path: Path) -> Callable[[pl.LazyFrame, Path], None]:
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        known = ", ".join(_WRITERS)
        raise UnreadableInputError(f"{path}: bands are written to {known}")
    return writer


def _write_parquet(bands: pl.LazyFrame, path: Path) -> None:
    bands.sink_parquet(path)


def _write_csv(bands: pl.LazyFrame, path: Path) -> None:
    flat = bands.with_columns(pl.col("warnings").list.join("; "))
    _with_text_times(flat).sink_csv(path)


def _write_lines(bands: pl.LazyFrame, path: Path) -> None:
    _with_text_times(bands).sink_ndjson(path)


def _with_text_times(bands: pl.LazyFrame) -> pl.LazyFrame:
    return bands.with_columns(pl.col("as_of_ts", "ts").dt.to_string(_TIME_FORMAT))


_WRITERS = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".jsonl": _write_lines,
    ".ndjson": _write_lines,
}
