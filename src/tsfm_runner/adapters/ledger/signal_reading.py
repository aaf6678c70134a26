"""Read signals from the tables: what stands, what is asked for, what is yet to tell."""

import sqlalchemy as sa

from tsfm_runner.adapters.ledger.signal_rows import to_signal
from tsfm_runner.adapters.ledger.tables import DELIVERIES, SIGNALS
from tsfm_runner.domain.signals import BreachQuery, BreachSignal

_ROWS = SIGNALS.c
_LATER = SIGNALS.alias()


def _is_newest(*among: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return that there is no later row of a breach, of those that are looked at."""
    is_later = _LATER.c.dedupe_key == _ROWS.dedupe_key, _LATER.c.id > _ROWS.id
    return ~sa.exists().where(*is_later, *among)


_IS_NEWEST = _is_newest()


def read_breaches(connection: sa.Connection, query: BreachQuery) -> list[BreachSignal]:
    """Return the newest that is known of each breach asked for, newest first."""
    is_newest, conditions = _IS_NEWEST, _conditions(query)
    if query.as_of_id is not None:
        is_newest = _is_newest(_LATER.c.id <= query.as_of_id)
        conditions.append(_ROWS.id <= query.as_of_id)
    wanted = sa.select(SIGNALS).where(is_newest, *conditions)
    ordered = wanted.order_by(_ROWS.id.desc()).limit(query.limit)
    return [to_signal(row) for row in connection.execute(ordered)]


def read_signals_after(
    connection: sa.Connection, last_id: int, limit: int
) -> list[BreachSignal]:
    """Return everything that happened to breaches after an id, in order."""
    later = sa.select(SIGNALS).where(_ROWS.id > last_id)
    return [
        to_signal(row)
        for row in connection.execute(later.order_by(_ROWS.id).limit(limit))
    ]


def read_standing(
    connection: sa.Connection, *, closed_after_s: float
) -> list[BreachSignal]:
    """Return the newest of each breach that is not over, or only since a moment.

    A breach is over when it is closed and what came of it is decided.
    """
    is_standing = sa.or_(
        _ROWS.closed_at_s.is_(None),
        _ROWS.decided_at_s.is_(None),
        _ROWS.closed_at_s > closed_after_s,
    )
    query = sa.select(SIGNALS).where(is_standing, _IS_NEWEST).order_by(_ROWS.id)
    return [to_signal(row) for row in connection.execute(query)]


def read_last_delivered(connection: sa.Connection, endpoint: str) -> int | None:
    """Return up to which signal an endpoint was told everything; None: never."""
    last_id: int | None = connection.scalar(
        sa.select(DELIVERIES.c.last_signal_id).where(DELIVERIES.c.endpoint == endpoint)
    )
    return last_id


def _conditions(query: BreachQuery) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if query.since_s is not None:
        conditions.append(_ROWS.ts_s >= query.since_s)
    if query.severities is not None:
        conditions.append(_ROWS.severity.in_(sorted(query.severities)))
    if query.market_id is not None:
        conditions.append(_ROWS.market_id == query.market_id)
    if query.is_open is not None:
        is_open = _ROWS.closed_at_s.is_(None)
        conditions.append(is_open if query.is_open else ~is_open)
    if query.before_id is not None:
        conditions.append(_ROWS.id < query.before_id)
    return conditions
