"""Write groups of entries into the tables, inside a transaction of the caller."""

from collections.abc import Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from tsfm_runner.adapters.ledger import rows, signal_rows, tables
from tsfm_runner.adapters.ledger.inserting import Inserter
from tsfm_runner.adapters.ledger.waiting import Gap, Group
from tsfm_runner.domain.ledger import (
    ForecastEntry,
    LedgerEntry,
    OutcomeEntry,
    ScoreEntry,
    StateEntry,
)
from tsfm_runner.domain.signals import BreachSignal, DeliveryEntry

Entry = TypeVar("Entry", bound=LedgerEntry)

KEPT_STATES = 3
"""The newest is used; those before it are the way out when it is damaged."""


class Recorder:
    """Knows how to write each kind of entry."""

    def __init__(self) -> None:
        """Compile every statement once."""
        self._forecasts = Inserter(tables.FORECASTS)
        self._outcomes = Inserter(tables.OUTCOMES)
        self._scores = Inserter(tables.SCORES)
        self._segments = Inserter(tables.SEGMENTS)
        self._signals = Inserter(tables.SIGNALS)

    def write(self, connection: sa.Connection, groups: Sequence[Group]) -> None:
        """Write every entry, in order within its kind."""
        entries = [entry for group in groups for entry in group.entries]
        forecasts = _those(entries, ForecastEntry)
        outcomes = _those(entries, OutcomeEntry)
        scores = _those(entries, ScoreEntry)
        signals = _those(entries, BreachSignal)
        self._forecasts.insert(connection, list(map(rows.forecast_values, forecasts)))
        self._outcomes.insert(connection, list(map(rows.outcome_values, outcomes)))
        self._scores.insert(connection, list(map(rows.score_values, scores)))
        self._signals.insert(connection, list(map(signal_rows.signal_values, signals)))
        for delivery in _those(entries, DeliveryEntry):
            _write_delivery(connection, delivery)
        for state in _those(entries, StateEntry)[-1:]:
            self._write_state(connection, state)

    def _write_state(self, connection: sa.Connection, state: StateEntry) -> None:
        written = connection.execute(
            sa.insert(tables.STATES).values(
                applied_score_id=state.applied_score_id,
                updated_at_s=state.updated_at_s,
                sha256=rows.checksum(
                    state.applied_score_id, state.updated_at_s, state.blob
                ),
                blob=state.blob,
            )
        )
        [state_id] = written.inserted_primary_key or (0,)
        ids = tables.STATES.c.id
        kept = sa.select(ids).order_by(ids.desc()).limit(KEPT_STATES)
        connection.execute(sa.delete(tables.STATES).where(ids.not_in(kept)))
        connection.execute(sa.delete(tables.SEGMENTS))
        segments = [rows.segment_values(row, state_id) for row in state.segments]
        self._segments.insert(connection, segments)

    def write_gap(self, connection: sa.Connection, gap: Gap | None) -> None:
        """Write down which forecasts are missing, if any are."""
        if gap is not None:
            connection.execute(
                sa.insert(tables.GAPS).values(
                    first_forecast_id=gap.first_id,
                    last_forecast_id=gap.last_id,
                    n_forecasts=gap.n_forecasts,
                )
            )


def _those(entries: Sequence[LedgerEntry], kind: type[Entry]) -> list[Entry]:
    return [entry for entry in entries if isinstance(entry, kind)]


def _write_delivery(connection: sa.Connection, entry: DeliveryEntry) -> None:
    values = signal_rows.delivery_values(entry)
    insert = sqlite.insert(tables.DELIVERIES).values(values)
    connection.execute(
        insert.on_conflict_do_update(index_elements=["endpoint"], set_=values)
    )
