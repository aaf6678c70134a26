"""How entries become rows, and rows become entries again."""

import hashlib
import json
import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import numpy as np
from sqlalchemy import Row

from tsfm_runner.domain.ledger import (
    ForecastEntry,
    IdArray,
    OutcomeEntry,
    ScoreEntry,
    SegmentRow,
    SingleArray,
    StateEntry,
    StepArray,
)
from tsfm_runner.domain.task import FloatArray

Values: TypeAlias = tuple[object, ...]

_FLOAT32 = np.dtype("<f4")
_DECIMALS = 7
"""What 32 bits hold of a price; rounding to it brings a price on a tick back whole."""

_write_list = msgspec.json.Encoder().encode
_read_ids = msgspec.json.Decoder(list[int]).decode


def forecast_values(entry: ForecastEntry) -> Values:
    """Return the row of a forecast, in the order of the columns."""
    horizon = len(entry.published)
    return (
        entry.id,
        entry.forecast_id,
        entry.market_id,
        entry.event_id,
        entry.cutoff_s,
        entry.step_s,
        horizon,
        entry.awaited_until_s,
        entry.closes_at_s,
        entry.model_name,
        entry.model_version,
        entry.runtime,
        entry.is_shadow,
        entry.fallback_reason,
        entry.segment,
        entry.status,
        entry.state_version,
        entry.recorded_at_s,
        _levels_text(entry.quantile_levels),
        entry.raw.astype(_FLOAT32).tobytes(),
        entry.published.astype(_FLOAT32).tobytes(),
        entry.target.astype(_FLOAT32).tobytes(),
        entry.scoring.astype(_FLOAT32, copy=False).tobytes(),
    )


def outcome_values(entry: OutcomeEntry) -> Values:
    """Return the row of an outcome, in the order of the columns."""
    return entry.ts_s, entry.market_id, entry.y, entry.source, entry.recorded_at_s


def score_values(entry: ScoreEntry) -> Values:
    """Return the row of a score, in the order of the columns."""
    return (
        entry.id,
        entry.market_id,
        entry.ts_s,
        entry.y,
        _write_list(entry.forecast_ids.tolist()).decode(),
        _write_list(entry.steps.tolist()).decode(),
    )


def segment_values(row: SegmentRow, state_id: int) -> Values:
    """Return the row of a segment, in the order of the columns."""
    return (
        row.model_name,
        row.model_version,
        row.step_s,
        row.is_shadow,
        row.segment,
        row.step,
        row.n,
        row.n_closed,
        row.n_open,
        row.mean_width,
        row.mean_interval_score,
        state_id,
    )


def checksum(applied_score_id: int, updated_at_s: float, blob: bytes) -> str:
    """Return what tells whether a stored state is the one that was written."""
    digest = hashlib.sha256(struct.pack("<qd", applied_score_id, updated_at_s))
    digest.update(blob)
    return digest.hexdigest()


def to_forecast(row: Row[Any]) -> ForecastEntry:
    """Return the entry of a row; raise ``ValueError`` if its parts do not fit."""
    levels = _levels(row.quantile_levels)
    raw, published, target = _to_prices(row, len(levels))
    return ForecastEntry(
        id=row.id,
        forecast_id=row.forecast_id,
        market_id=row.market_id,
        event_id=row.event_id,
        cutoff_s=row.cutoff_s,
        step_s=row.step_s,
        closes_at_s=row.closes_at_s,
        model_name=row.model_name,
        model_version=row.model_version,
        runtime=row.runtime,
        is_shadow=bool(row.is_shadow),
        fallback_reason=row.fallback_reason,
        segment=row.segment,
        status=row.status,
        state_version=row.state_version,
        recorded_at_s=row.recorded_at_s,
        quantile_levels=levels,
        raw=raw,
        published=published,
        target=target,
        scoring=_to_scoring(row.scoring, row.horizon),
    )


def to_score(row: Row[Any]) -> ScoreEntry:
    """Return the entry of a row; raise ``ValueError`` if its parts do not fit."""
    forecast_ids, steps = to_ids(row.forecast_ids), to_steps(row.steps)
    if len(forecast_ids) != len(steps):
        raise ValueError(f"score {row.id} has not one step for each forecast")
    return ScoreEntry(
        id=row.id,
        market_id=row.market_id,
        ts_s=row.ts_s,
        y=row.y,
        forecast_ids=forecast_ids,
        steps=steps,
    )


def to_ids(listed: str) -> IdArray:
    """Return a list of ids that was written as text."""
    return np.array(_read_ids(listed), dtype=np.int64)


def to_steps(listed: str) -> StepArray:
    """Return a list of steps that was written as text."""
    return np.array(_read_ids(listed), dtype=np.int16)


def to_state(row: Row[Any], segments: Sequence[Row[Any]]) -> StateEntry:
    """Return the entry of a row; raise ``ValueError`` if it was damaged."""
    if row.sha256 != checksum(row.applied_score_id, row.updated_at_s, row.blob):
        raise ValueError(f"the checksum of calibration state {row.id} does not fit")
    return StateEntry(
        applied_score_id=row.applied_score_id,
        updated_at_s=row.updated_at_s,
        blob=row.blob,
        segments=tuple(_to_segment(each) for each in segments),
    )


def _to_prices(
    row: Row[Any], n_levels: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return prices exact to 1e-7, and whole where they had up to 7 decimals.

    All are decoded in one go, which takes a third of the time.
    """
    blobs = (row.raw, row.published, row.target)
    n_prices, n_edges = row.horizon * n_levels, row.horizon * 2
    sizes = [size * _FLOAT32.itemsize for size in (n_prices, n_prices, n_edges)]
    if [len(blob) for blob in blobs] != sizes:
        raise ValueError(f"the bands of forecast {row.id} have another size")
    stored = np.frombuffer(b"".join(blobs), dtype=_FLOAT32)
    prices = stored.astype(np.float64).round(_DECIMALS)
    return (
        prices[:n_prices].reshape(row.horizon, n_levels),
        prices[n_prices : 2 * n_prices].reshape(row.horizon, n_levels),
        prices[2 * n_prices :].reshape(row.horizon, 2),
    )


def _to_segment(row: Row[Any]) -> SegmentRow:
    return SegmentRow(
        model_name=row.model_name,
        model_version=row.model_version,
        step_s=row.step_s,
        is_shadow=bool(row.is_shadow),
        segment=row.segment,
        step=row.step,
        n=row.n,
        n_closed=row.n_closed,
        n_open=row.n_open,
        mean_width=_or_nan(row.mean_width),
        mean_interval_score=_or_nan(row.mean_interval_score),
    )


def _or_nan(value: float | None) -> float:
    """SQLite keeps NaN as NULL."""
    return math.nan if value is None else value


def _to_scoring(blob: bytes, horizon: int) -> SingleArray:
    shape = (horizon, -1) if blob else (0, 0)
    return np.frombuffer(blob, dtype=_FLOAT32).reshape(shape)


@lru_cache(maxsize=1024)
def _levels_text(levels: tuple[float, ...]) -> str:
    return json.dumps(levels)


@lru_cache(maxsize=1024)
def _levels(listed: str) -> tuple[float, ...]:
    return tuple(json.loads(listed))
