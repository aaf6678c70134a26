"""The tables of the ledger, as they are in the newest version of the file.

Every index begins with what grows with time: new rows of all tables go to the same
few pages. An index that begins with the market would touch a page a row, which
costs more than everything else together. Signals are few, and theirs may.

Times are epoch seconds in UTC. ``raw``, ``published``, ``target`` and ``scoring``
are little-endian 32 bit floats, step by step; lists and ``document`` are JSON.
"""

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

METADATA = MetaData()

# AUTOINCREMENT: an id is never used again, not even after the newest row is gone.
FORECASTS = Table(
    "forecasts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("forecast_id", Text, nullable=False),
    Column("market_id", Text, nullable=False),
    Column("event_id", Text),
    Column("cutoff_s", Float, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("horizon", Integer, nullable=False),
    Column("awaited_until_s", Float, nullable=False),
    Column("closes_at_s", Float),
    Column("model_name", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("runtime", Text, nullable=False),
    Column("is_shadow", Integer, nullable=False),
    Column("fallback_reason", Text),
    Column("segment", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("state_version", Integer, nullable=False),
    Column("recorded_at_s", Float, nullable=False),
    Column("quantile_levels", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("published", LargeBinary, nullable=False),
    Column("target", LargeBinary, nullable=False),
    Column("scoring", LargeBinary, nullable=False),
    Index("answers", "id", "market_id", "cutoff_s", sqlite_where=text("is_shadow = 0")),
    Index("forecasts_awaited", "awaited_until_s"),
    sqlite_autoincrement=True,
)

OUTCOMES = Table(
    "outcomes",
    METADATA,
    Column("ts_s", Float, primary_key=True),
    Column("market_id", Text, primary_key=True),
    Column("y", Float, nullable=False),
    Column("source", Text, nullable=False),
    Column("recorded_at_s", Float, nullable=False),
    sqlite_with_rowid=False,
)

SCORES = Table(
    "scores",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("market_id", Text, nullable=False),
    Column("ts_s", Float, nullable=False),
    Column("y", Float, nullable=False),
    Column("forecast_ids", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Index("scores_by_time", "ts_s", "market_id"),
    sqlite_autoincrement=True,
)

STATES = Table(
    "calibration_states",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("applied_score_id", Integer, nullable=False),
    Column("updated_at_s", Float, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("model_name", Text, primary_key=True),
    Column("model_version", Text, primary_key=True),
    Column("step_s", Integer, primary_key=True),
    Column("is_shadow", Integer, primary_key=True),
    Column("segment", Text, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("n_closed", Integer, nullable=False),
    Column("n_open", Integer, nullable=False),
    Column("mean_width", Float),
    Column("mean_interval_score", Float),
    Column("state_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)

GAPS = Table(
    "gaps",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("first_forecast_id", Integer, nullable=False),
    Column("last_forecast_id", Integer, nullable=False),
    Column("n_forecasts", Integer, nullable=False),
)
"""Forecasts that were let go because they could not be written for too long."""

SIGNALS = Table(
    "signals",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("dedupe_key", Text, nullable=False),
    Column("market_id", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("ts_s", Float, nullable=False),
    Column("closed_at_s", Float),
    Column("decided_at_s", Float),
    Column("recorded_at_s", Float, nullable=False),
    Column("document", Text, nullable=False),
    Index("signals_of_breach", "dedupe_key", "id"),
    Index("signals_of_market", "market_id", "id"),
    Index("signals_by_time", "ts_s"),
    Index("signals_by_record", "recorded_at_s"),
    sqlite_autoincrement=True,
)
"""A row is one thing that happened to a breach, whole in ``document``."""

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("last_signal_id", Integer, nullable=False),
    Column("recorded_at_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""Up to which signal each endpoint has been told everything."""
