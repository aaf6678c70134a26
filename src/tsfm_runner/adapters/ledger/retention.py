"""Delete what is too old, or too much, a little at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from tsfm_runner.adapters.ledger.database import Database
from tsfm_runner.adapters.ledger.tables import (
    DELIVERIES,
    FORECASTS,
    GAPS,
    OUTCOMES,
    SCORES,
    SIGNALS,
    STATES,
)
from tsfm_runner.ports import Clock

_ROWS_AT_ONCE = 500
_PAGES_AT_ONCE = 256
_SLACK = 16
"""One free page in so many stays in the file, for what is written next."""

_FAR_OVER = 2
"""After so many times the age a signal goes whatever still needs it."""

_read_ids = msgspec.json.Decoder(list[int]).decode


class Limits(NamedTuple):
    """How much is kept, and how often it is looked at."""

    max_age_s: float
    max_bytes: int
    interval_s: float


class Retention:
    """Steps of deletion between commits, as long as there is something to delete.

    A forecast stays while a score that the oldest kept state does not include names
    it; a score stays as long as one of its forecasts. So no step is ever scored
    again after a restart. A signal stays while its breach is open, and while an
    endpoint that was ever told of any has not been told of it; for twice the age at
    most, so that an endpoint that nobody has anymore keeps nothing for ever.
    """

    def __init__(
        self, database: Database, limits: Limits, *, clock: Clock, now: Clock
    ) -> None:
        """Take what is needed; the first look is one interval away."""
        self._database, self._limits = database, limits
        self._clock, self._now = clock, now
        self._due_s = clock() + limits.interval_s

    def step(self) -> None:
        """Delete a little if it is time, and go on at the next call if there is more.

        Raises what the database raises.
        """
        now_s = self._clock()
        if now_s < self._due_s:
            return
        self._due_s = now_s + self._limits.interval_s
        with self._database.writing() as connection:
            n_deleted = _delete(connection, self._limits, self._now())
            is_tidy = _give_back(connection)
        if n_deleted or not is_tidy:
            self._due_s = now_s


def _delete(connection: sa.Connection, limits: Limits, now_s: float) -> int:
    """Delete the oldest rows that may go; return how many."""
    moment_s = now_s - limits.max_age_s
    is_too_big = _used_bytes(connection) > limits.max_bytes
    n_deleted = _delete_forecasts(connection, moment_s, is_too_big=is_too_big)
    first = sa.select(FORECASTS.c.id, FORECASTS.c.cutoff_s).order_by(FORECASTS.c.id)
    kept = connection.execute(first.limit(1)).first()
    n_deleted += _delete_scores(connection, None if kept is None else kept.id)
    if is_too_big:  # what is older than the oldest forecast can be spared too
        moment_s = max(moment_s, now_s if kept is None else kept.cutoff_s)
    if kept is not None:
        connection.execute(sa.delete(GAPS).where(GAPS.c.last_forecast_id < kept.id))
    n_deleted += _delete_outcomes(connection, moment_s)
    far_s = now_s - _FAR_OVER * limits.max_age_s
    return n_deleted + _delete_signals(connection, moment_s, far_s=far_s)


def _delete_forecasts(
    connection: sa.Connection, moment_s: float, *, is_too_big: bool
) -> int:
    ids = FORECASTS.c.id
    oldest = sa.select(ids, FORECASTS.c.recorded_at_s).order_by(ids)
    going = [
        row.id
        for row in connection.execute(oldest.limit(_ROWS_AT_ONCE))
        if is_too_big or row.recorded_at_s < moment_s
    ]
    if not going:
        return 0
    # All up to one: whoever is unknown and older than the oldest was deleted.
    needed_id = _first_needed(connection)
    until_id = going[-1] if needed_id is None else min(going[-1], needed_id - 1)
    return connection.execute(sa.delete(FORECASTS).where(ids <= until_id)).rowcount


def _delete_scores(connection: sa.Connection, first_kept_id: int | None) -> int:
    """Delete scores that every state includes, and whose forecasts are all gone."""
    ids = SCORES.c.id
    query = sa.select(ids, SCORES.c.forecast_ids).order_by(ids).limit(_ROWS_AT_ONCE)
    applied = query.where(ids <= _applied(connection))
    going = [
        row.id
        for row in connection.execute(applied)
        if first_kept_id is None or _newest(row.forecast_ids) < first_kept_id
    ]
    connection.execute(sa.delete(SCORES).where(ids.in_(going)))
    return len(going)


def _delete_outcomes(connection: sa.Connection, moment_s: float) -> int:
    times = OUTCOMES.c.ts_s
    oldest = sa.select(times).where(times < moment_s).order_by(times)
    going: Sequence[float] = connection.scalars(oldest.limit(_ROWS_AT_ONCE)).all()
    if not going:
        return 0
    return connection.execute(sa.delete(OUTCOMES).where(times <= going[-1])).rowcount


def _delete_signals(connection: sa.Connection, moment_s: float, *, far_s: float) -> int:
    """Delete signals of before a moment that nothing needs, or of long before it."""
    rows, later = SIGNALS.c, SIGNALS.alias()
    is_over = sa.exists().where(
        later.c.dedupe_key == rows.dedupe_key, later.c.closed_at_s.is_not(None)
    )
    told_id = connection.scalar(sa.select(sa.func.min(DELIVERIES.c.last_signal_id)))
    is_told = sa.true() if told_id is None else rows.id <= told_id
    may_go = sa.or_(rows.recorded_at_s < far_s, sa.and_(is_over, is_told))
    oldest = sa.select(rows.id).where(rows.recorded_at_s < moment_s, may_go)
    ordered = oldest.order_by(rows.recorded_at_s).limit(_ROWS_AT_ONCE)
    going = connection.scalars(ordered).all()
    connection.execute(sa.delete(SIGNALS).where(rows.id.in_(going)))
    return len(going)


def _first_needed(connection: sa.Connection) -> int | None:
    """Return the oldest forecast that a score names which is not in every state."""
    named = sa.func.json_each(SCORES.c.forecast_ids).table_valued("value")
    query = sa.select(sa.func.min(named.c.value)).select_from(SCORES)
    query = query.join(named, sa.true()).where(SCORES.c.id > _applied(connection))
    needed: int | None = connection.scalar(query)
    return needed


def _applied(connection: sa.Connection) -> int:
    """Return the last score that the oldest kept state includes."""
    return connection.scalar(sa.select(sa.func.min(STATES.c.applied_score_id))) or 0


def _newest(listed: str) -> int:
    return max(_read_ids(listed), default=0)


def _used_bytes(connection: sa.Connection) -> int:
    n_used = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return n_used * _pragma(connection, "page_size")


def _give_back(connection: sa.Connection) -> bool:
    """Cut some free pages off the file; return whether few enough are left."""
    n_free, n_pages = (
        _pragma(connection, name) for name in ("freelist_count", "page_count")
    )
    n_spare = n_free - n_pages // _SLACK
    for _ in range(min(n_spare, _PAGES_AT_ONCE)):
        # However many are asked for, the driver's one step of it cuts off one.
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return n_spare <= _PAGES_AT_ONCE


def _pragma(connection: sa.Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
