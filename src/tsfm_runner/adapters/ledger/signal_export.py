"""Signals as data frames, a piece at a time."""

from collections.abc import Iterator

import polars as pl
import sqlalchemy as sa

from tsfm_runner.adapters.ledger.database import Database
from tsfm_runner.adapters.ledger.signal_reading import read_signals_after
from tsfm_runner.adapters.ledger.tables import SIGNALS
from tsfm_runner.domain.signals import BreachSignal

_AT_ONCE = 20_000
_MICROSECONDS = 1_000_000
_TIME = pl.Datetime("us", "UTC")
SIGNAL: dict[str, pl.DataType] = {
    "id": pl.Int64(),
    "dedupe_key": pl.String(),
    "market_id": pl.String(),
    "event_id": pl.String(),
    "phase": pl.String(),
    "severity": pl.String(),
    "direction": pl.String(),
    "opened_at": _TIME,
    "opened_price": pl.Float64(),
    "ts": _TIME,
    "price": pl.Float64(),
    "p_value": pl.Float64(),
    "q_value": pl.Float64(),
    "n_steps": pl.Int64(),
    "closed_at": _TIME,
    "close_reason": pl.String(),
    "issued_at": _TIME,
    "step": pl.Int64(),
    "step_s": pl.Int64(),
    "coverage": pl.Float64(),
    "lower": pl.Float64(),
    "median": pl.Float64(),
    "upper": pl.Float64(),
    "model_name": pl.String(),
    "model_version": pl.String(),
    "segment": pl.String(),
    "has_followed": pl.Boolean(),
    "largest_move": pl.Float64(),
    "decided_at": _TIME,
    "recorded_at": _TIME,
}
_TIMES = frozenset(name for name, kind in SIGNAL.items() if kind == _TIME)


def n_signals(connection: sa.Connection) -> int:
    """Return how many signals there are; none in the file of an older program."""
    if not sa.inspect(connection).has_table(SIGNALS.name):
        return 0
    return connection.scalar(sa.select(sa.func.count()).select_from(SIGNALS)) or 0


def signal_frames(database: Database) -> Iterator[pl.DataFrame]:
    """Yield every signal in order, in the columns of ``SIGNAL``."""
    last_id = 0
    while True:
        with database.reading() as connection:
            if n_signals(connection) == 0:
                return
            signals = read_signals_after(connection, last_id, _AT_ONCE)
        if not signals:
            return
        yield pl.DataFrame([_row(one) for one in signals], schema=SIGNAL)
        last_id = signals[-1].id


def _row(signal: BreachSignal) -> dict[str, object]:
    sources = (signal, signal.band, signal.follow_through)
    return {name: _value(sources, name) for name in SIGNAL}


def _value(sources: tuple[object, ...], name: str) -> object:
    """Return what the first of the sources that knows a column says of it."""
    attribute = f"{name}_s" if name in _TIMES else name
    for source in sources:
        if hasattr(source, attribute):
            value = getattr(source, attribute)
            is_time = name in _TIMES and value is not None
            return round(value * _MICROSECONDS) if is_time else value
    return None
