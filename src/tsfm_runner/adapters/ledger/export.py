"""Write what a ledger holds to Parquet files, a piece at a time."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import polars as pl
import sqlalchemy as sa
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from tsfm_runner.adapters.ledger.database import Database, opened_to_read
from tsfm_runner.adapters.ledger.reading import outcomes_of, spans_of
from tsfm_runner.adapters.ledger.rows import to_forecast
from tsfm_runner.adapters.ledger.scored import scored_within
from tsfm_runner.adapters.ledger.signal_export import (
    SIGNAL,
    n_signals,
    signal_frames,
)
from tsfm_runner.adapters.ledger.tables import FORECASTS, OUTCOMES
from tsfm_runner.domain.ledger import ForecastEntry
from tsfm_runner.errors import TsfmError, UnreadableInputError

Progress: TypeAlias = Callable[[int, int], None]
Schema: TypeAlias = dict[str, pl.DataType]

_FORECASTS_AT_ONCE = 5_000
_OUTCOMES_AT_ONCE = 100_000
_TIME = pl.Datetime("us", "UTC")
_PER_FORECAST: Schema = {
    "id": pl.Int64(),
    "forecast_id": pl.String(),
    "market_id": pl.String(),
    "event_id": pl.String(),
    "cutoff": _TIME,
    "step_s": pl.Int64(),
    "closes_at": _TIME,
    "model_name": pl.String(),
    "model_version": pl.String(),
    "runtime": pl.String(),
    "is_shadow": pl.Boolean(),
    "fallback_reason": pl.String(),
    "segment": pl.String(),
    "status": pl.String(),
    "state_version": pl.Int64(),
    "recorded_at": _TIME,
}
_PER_LEVEL: Schema = {
    "step": pl.Int64(),
    "ts": _TIME,
    "level": pl.Float64(),
    "raw": pl.Float64(),
    "published": pl.Float64(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
    "outcome": pl.Float64(),
}
_OUTCOME: Schema = {
    "market_id": pl.String(),
    "ts": _TIME,
    "y": pl.Float64(),
    "source": pl.String(),
    "recorded_at": _TIME,
}


class Exported(NamedTuple):
    """How much was written, and where."""

    forecasts_file: Path
    outcomes_file: Path
    signals_file: Path
    n_forecasts: int
    n_outcomes: int
    n_signals: int


def export_ledger(path: Path, folder: Path, progress: Progress) -> Exported:
    """Write ``forecasts``, ``outcomes`` and ``signals.parquet``, beside whoever writes.

    The first has a row for each level of each step of each forecast; ``lower`` and
    ``upper`` are the edges of the interval at the target coverage, and ``outcome``
    is null until the step was scored. The last has a row for each thing that happened
    to a breach. ``progress`` hears how many rows of the
    ledger are done, and of how many.

    Raises ``UnreadableInputError`` where there is no ledger or nothing can be
    written, and ``CalibrationStateError`` where the ledger cannot be read.
    """
    if not path.is_file():
        raise UnreadableInputError(f"{path}: there is no ledger yet")
    with opened_to_read(path) as database:
        n_forecasts, n_outcomes, n_signals_ = _count(database)
        told = _Told(progress, n_forecasts + n_outcomes)
        exported = Exported(
            folder / "forecasts.parquet",
            folder / "outcomes.parquet",
            folder / "signals.parquet",
            n_forecasts,
            n_outcomes,
            n_signals_,
        )
        forecasts = _forecasts(database, told)
        _write(forecasts, _PER_FORECAST | _PER_LEVEL, exported.forecasts_file)
        _write(_outcomes(database, told), _OUTCOME, exported.outcomes_file)
        _write(signal_frames(database), SIGNAL, exported.signals_file)
    return exported


class _Told:
    """Counts what is done and tells of it."""

    def __init__(self, progress: Progress, n_all: int) -> None:
        self._progress, self._n_all, self._n_done = progress, n_all, 0

    def add(self, n_rows: int) -> None:
        self._n_done += n_rows
        self._progress(self._n_done, self._n_all)


def _count(database: Database) -> tuple[int, int, int]:
    count = sa.select(sa.func.count())
    with database.reading() as connection:
        return (
            connection.scalar(count.select_from(FORECASTS)) or 0,
            connection.scalar(count.select_from(OUTCOMES)) or 0,
            n_signals(connection),
        )


def _write(frames: Iterator[pl.DataFrame], schema: Schema, file: Path) -> None:
    """Write frames as they come; what is in memory is a frame or two."""
    failures: list[TsfmError] = []

    def source(*_wishes: object) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except TsfmError as exc:
            failures.append(exc)  # polars would hide it behind one of its own
            raise

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        register_io_source(source, schema=schema).sink_parquet(file)
    except (OSError, PolarsError) as exc:
        if failures:
            raise failures[0] from exc
        raise UnreadableInputError(f"{file} cannot be written: {exc}") from exc


def _forecasts(database: Database, told: _Told) -> Iterator[pl.DataFrame]:
    last_id = 0
    ids = FORECASTS.c.id
    while True:
        query = sa.select(FORECASTS).where(ids > last_id).order_by(ids)
        with database.reading() as connection:
            rows = connection.execute(query.limit(_FORECASTS_AT_ONCE))
            entries = [to_forecast(row) for row in rows]
            scored = scored_within(connection, spans_of(entries))
        if not entries:
            return
        yield _long_frame(entries, outcomes_of(entries, scored))
        last_id = entries[-1].id
        told.add(len(entries))


def _long_frame(
    entries: Sequence[ForecastEntry], outcomes: Sequence[np.ndarray]
) -> pl.DataFrame:
    """Return a row for each level of each step of each forecast."""
    facts = pl.DataFrame(
        {name: _column(entries, name) for name in _PER_FORECAST}, schema=_PER_FORECAST
    )
    n_rows = [entry.published.size for entry in entries]
    n_levels = [len(entry.quantile_levels) for entry in entries]
    steps = np.concatenate([np.arange(1, entry.horizon + 1) for entry in entries])
    # How often what there is once a step stands in the long frame.
    times = np.repeat(n_levels, [entry.horizon for entry in entries])
    edges = np.concatenate([entry.target for entry in entries])
    long = facts[np.repeat(np.arange(len(entries)), n_rows)].with_columns(
        step=np.repeat(steps, times),
        level=np.concatenate(
            [np.tile(entry.quantile_levels, entry.horizon) for entry in entries]
        ),
        raw=np.concatenate([entry.raw.ravel() for entry in entries]),
        published=np.concatenate([entry.published.ravel() for entry in entries]),
        lower=np.repeat(edges[:, 0], times),
        upper=np.repeat(edges[:, 1], times),
        outcome=pl.Series(np.repeat(np.concatenate(outcomes), times)).fill_nan(None),
    )
    step_length = pl.duration(seconds=pl.col("step") * pl.col("step_s"))
    timed = long.with_columns(ts=pl.col("cutoff") + step_length)
    return timed.select(*_PER_FORECAST, *_PER_LEVEL)


def _column(entries: Sequence[ForecastEntry], name: str) -> pl.Series:
    if name in {"cutoff", "closes_at", "recorded_at"}:
        return _times([getattr(entry, f"{name}_s") for entry in entries])
    values = [getattr(entry, name) for entry in entries]
    return pl.Series(values, dtype=_PER_FORECAST[name])


def _times(seconds: Sequence[float | None]) -> pl.Series:
    exact = pl.Series(seconds, dtype=pl.Float64)
    return (exact * 1e6).round().cast(pl.Int64).cast(_TIME)


def _outcomes(database: Database, told: _Told) -> Iterator[pl.DataFrame]:
    outcomes = OUTCOMES.c
    key = sa.tuple_(outcomes.ts_s, outcomes.market_id)
    query = sa.select(OUTCOMES).order_by(outcomes.ts_s, outcomes.market_id)
    query = query.limit(_OUTCOMES_AT_ONCE)
    with database.reading() as connection:
        rows = connection.execute(query).all()
    while rows:
        yield pl.DataFrame(
            {
                "market_id": [row.market_id for row in rows],
                "ts": _times([row.ts_s for row in rows]),
                "y": [row.y for row in rows],
                "source": [row.source for row in rows],
                "recorded_at": _times([row.recorded_at_s for row in rows]),
            },
            schema=_OUTCOME,
        )
        told.add(len(rows))
        after = sa.tuple_(sa.literal(rows[-1].ts_s), sa.literal(rows[-1].market_id))
        with database.reading() as connection:
            rows = connection.execute(query.where(key > after)).all()
