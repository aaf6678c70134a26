"""Look for damage in a ledger, and for what cannot be true; it is only read."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from tsfm_runner.adapters.ledger.database import opened_to_read
from tsfm_runner.adapters.ledger.rows import checksum
from tsfm_runner.adapters.ledger.schema import is_current, why_unknown
from tsfm_runner.adapters.ledger.scored import flatten
from tsfm_runner.adapters.ledger.signal_rows import to_signal
from tsfm_runner.adapters.ledger.tables import (
    DELIVERIES,
    FORECASTS,
    GAPS,
    OUTCOMES,
    SCORES,
    SIGNALS,
    STATES,
)
from tsfm_runner.domain.ledger import IdArray
from tsfm_runner.errors import CalibrationStateError

_MAX_FINDINGS = 10
_STEPS_PER_FORECAST = 1024  # more than the longest horizon


class Verdict(NamedTuple):
    """What a ledger holds, and what is wrong with it."""

    n_forecasts: int
    n_outcomes: int
    n_scores: int
    n_signals: int
    findings: tuple[str, ...]


def check_ledger(path: Path) -> Verdict:
    """Return what is in a ledger and what is wrong with it, also while it is used."""
    try:
        with opened_to_read(path) as database, database.reading() as connection:
            return _verdict(connection)
    except CalibrationStateError as exc:
        return Verdict(0, 0, 0, 0, (str(exc),))


def _verdict(connection: sa.Connection) -> Verdict:
    damage = _damage(connection)
    if reason := why_unknown(connection):
        return Verdict(0, 0, 0, 0, (*damage, reason))
    if not is_current(connection):
        reason = "its tables are those of an older program; `serve` will change them"
        return Verdict(0, 0, 0, 0, (*damage, reason))
    return Verdict(
        n_forecasts=_count(connection, FORECASTS),
        n_outcomes=_count(connection, OUTCOMES),
        n_scores=_count(connection, SCORES),
        n_signals=_count(connection, SIGNALS),
        findings=(
            *damage,
            *_bad_states(connection),
            *_bad_scores(connection),
            *_bad_signals(connection),
            *_bad_deliveries(connection),
        ),
    )


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _damage(connection: sa.Connection) -> tuple[str, ...]:
    found = connection.exec_driver_sql(f"PRAGMA integrity_check({_MAX_FINDINGS})")
    return tuple(row[0] for row in found if row[0] != "ok")


def _bad_states(connection: sa.Connection) -> Iterator[str]:
    for row in connection.execute(sa.select(STATES).order_by(STATES.c.id)):
        if row.sha256 != checksum(row.applied_score_id, row.updated_at_s, row.blob):
            yield f"the checksum of calibration state {row.id} does not fit"


def _bad_scores(connection: sa.Connection) -> Iterator[str]:
    query = sa.select(SCORES.c.y, SCORES.c.forecast_ids, SCORES.c.steps)
    rows = connection.execute(query.order_by(SCORES.c.id)).all()
    scored = flatten([(y, ids, steps) for y, ids, steps in rows])
    pairs = scored.forecast_ids * _STEPS_PER_FORECAST + scored.steps
    distinct, counts = np.unique(pairs, return_counts=True)
    twice = distinct[counts > 1]
    if twice.size:
        forecast_id, step = divmod(int(twice[0]), _STEPS_PER_FORECAST)
        yield (
            f"{twice.size} steps of forecasts were scored twice, the first of them "
            f"step {step} of forecast {forecast_id}"
        )
    unknown = _unknown(connection, np.unique(scored.forecast_ids))
    if unknown.size:
        yield (
            f"{unknown.size} forecasts were scored that are not there, the first of "
            f"them {unknown[0]}"
        )


def _unknown(connection: sa.Connection, named: IdArray) -> IdArray:
    """Return the ids that are neither there, nor deleted for age, nor let go."""
    ids = connection.scalars(sa.select(FORECASTS.c.id).order_by(FORECASTS.c.id))
    known = np.fromiter(ids, np.int64)
    missing = np.setdiff1d(named, known, assume_unique=True)
    first = known[0] if known.size else _newest_ever(connection, FORECASTS) + 1
    missing = missing[missing >= first]
    for gap in connection.execute(sa.select(GAPS)):
        is_lost = (missing >= gap.first_forecast_id) & (missing <= gap.last_forecast_id)
        missing = missing[~is_lost]
    return missing


def _bad_signals(connection: sa.Connection) -> Iterator[str]:
    for row in connection.execute(sa.select(SIGNALS).order_by(SIGNALS.c.id)):
        try:
            to_signal(row)
        except ValueError as exc:
            yield str(exc)


def _bad_deliveries(connection: sa.Connection) -> Iterator[str]:
    newest = _newest_ever(connection, SIGNALS)
    too_far = sa.select(DELIVERIES).where(DELIVERIES.c.last_signal_id > newest)
    for row in connection.execute(too_far.order_by(DELIVERIES.c.endpoint)):
        yield (
            f"{row.endpoint} was told of signal {row.last_signal_id}, and the newest "
            f"that there ever was is {newest}"
        )


def _newest_ever(connection: sa.Connection, table: sa.Table) -> int:
    """Return the highest id that a row of a table ever had; 0 without any."""
    seen = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return connection.scalar(seen, {"name": table.name}) or 0
