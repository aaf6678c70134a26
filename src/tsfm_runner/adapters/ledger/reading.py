"""Read from the tables what a process starts from, and what people ask for."""

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import sqlalchemy as sa

from tsfm_runner.adapters.ledger.rows import to_forecast, to_score, to_state
from tsfm_runner.adapters.ledger.scored import ScoredSteps, Span, scored_within
from tsfm_runner.adapters.ledger.signal_reading import read_standing
from tsfm_runner.adapters.ledger.tables import (
    DELIVERIES,
    FORECASTS,
    GAPS,
    SCORES,
    SEGMENTS,
    SIGNALS,
    STATES,
)
from tsfm_runner.domain.ledger import (
    ForecastEntry,
    LedgerContents,
    LedgerForecast,
    ScoreEntry,
    StateEntry,
)
from tsfm_runner.domain.task import FloatArray

_NEWEST = 2**63 - 1

# The index holds all that is looked at, so that no band is read to be left out.
_ANSWERS = sa.text(
    "SELECT id FROM forecasts INDEXED BY answers WHERE is_shadow = 0 "
    "AND market_id = :market_id AND cutoff_s >= :since_s AND id < :before_id "
    "ORDER BY id DESC LIMIT :limit"
)


def read_contents(
    connection: sa.Connection, *, awaited_after_s: float
) -> LedgerContents:
    """Return what a process that starts goes on from.

    Raises ``ValueError`` where what is stored was damaged.
    """
    state = read_newest_state(connection)
    applied = state.applied_score_id if state else 0
    scores = _scores_after(connection, applied)
    named = {each for score in scores for each in score.forecast_ids.tolist()}
    open_ids = connection.scalars(
        sa.select(FORECASTS.c.id).where(FORECASTS.c.awaited_until_s > awaited_after_s)
    ).all()
    forecasts = forecasts_of(connection, named.union(open_ids))
    still_open = [each for each in forecasts if each.awaited_until_s > awaited_after_s]
    return LedgerContents(
        state=state,
        forecasts=tuple(forecasts),
        scores=tuple(scores),
        ended=_ended(connection, still_open),
        next_forecast_id=_next_id(connection, FORECASTS, GAPS.c.last_forecast_id),
        next_score_id=_next_id(connection, SCORES, STATES.c.applied_score_id),
        breaches=tuple(read_standing(connection, closed_after_s=awaited_after_s)),
        next_signal_id=_next_id(connection, SIGNALS, DELIVERIES.c.last_signal_id),
    )


def read_market(
    connection: sa.Connection,
    market_id: str,
    *,
    since_s: float,
    before_id: int | None,
    limit: int,
) -> list[LedgerForecast]:
    """Return answers about a market, newest first, with what came of them."""
    asked = {
        "market_id": market_id,
        "since_s": since_s,
        "before_id": _NEWEST if before_id is None else before_id,
        "limit": limit,
    }
    ids = connection.scalars(_ANSWERS, asked).all()
    entries = forecasts_of(connection, ids)
    outcomes = outcomes_of(entries, scored_within(connection, spans_of(entries)))
    found = [
        LedgerForecast(entry, prices)
        for entry, prices in zip(entries, outcomes, strict=True)
    ]
    return found[::-1]


def read_newest_state(connection: sa.Connection) -> StateEntry | None:
    """Return the newest state; raise ``ValueError`` if it is damaged."""
    newest = sa.select(STATES).order_by(STATES.c.id.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is None:
        return None
    segments = sa.select(SEGMENTS).where(SEGMENTS.c.state_id == row.id)
    try:
        return to_state(row, connection.execute(segments).all())
    except ValueError as exc:
        raise ValueError(
            f"{exc}; deleting this row of calibration_states goes back to the state "
            "before it, and what was scored since is scored again"
        ) from exc


def forecasts_of(connection: sa.Connection, ids: Iterable[int]) -> list[ForecastEntry]:
    """Return the forecasts that have these ids, in order of id."""
    wanted = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
    query = (
        sa.select(FORECASTS)
        .where(FORECASTS.c.id.in_(sa.select(wanted.c.value)))
        .order_by(FORECASTS.c.id)
    )
    return [to_forecast(row) for row in connection.execute(query)]


def spans_of(entries: Iterable[ForecastEntry]) -> Mapping[str, Span]:
    """Return within which times the steps of each market can have been scored."""
    spans: dict[str, Span] = {}
    for entry in entries:
        # A step more: the price that ends the last step may come a little late.
        span = Span(entry.cutoff_s, entry.cutoff_s + (entry.horizon + 1) * entry.step_s)
        known = spans.get(entry.market_id, span)
        spans[entry.market_id] = Span(
            min(known.from_s, span.from_s), max(known.until_s, span.until_s)
        )
    return spans


def outcomes_of(
    entries: Sequence[ForecastEntry], scored: ScoredSteps
) -> list[FloatArray]:
    """Return the outcomes of each forecast; the entries are in order of id."""
    outcomes = [np.full(entry.horizon, np.nan) for entry in entries]
    places = {entry.id: place for place, entry in enumerate(entries)}
    for forecast_id, step, y in _of(places, scored):
        outcomes[places[forecast_id]][step - 1] = y
    return outcomes


def _of(
    wanted: Mapping[int, int], scored: ScoredSteps
) -> Iterable[tuple[int, int, float]]:
    is_wanted = np.isin(scored.forecast_ids, np.fromiter(wanted, np.int64))
    return zip(
        scored.forecast_ids[is_wanted].tolist(),
        scored.steps[is_wanted].tolist(),
        scored.y[is_wanted].tolist(),
        strict=True,
    )


def _ended(
    connection: sa.Connection, still_open: Sequence[ForecastEntry]
) -> frozenset[tuple[int, int]]:
    scored = scored_within(connection, spans_of(still_open))
    places = {entry.id: place for place, entry in enumerate(still_open)}
    return frozenset((id_, step) for id_, step, _ in _of(places, scored))


def _scores_after(connection: sa.Connection, score_id: int) -> list[ScoreEntry]:
    query = sa.select(SCORES).where(SCORES.c.id > score_id).order_by(SCORES.c.id)
    return [to_score(row) for row in connection.execute(query)]


def _next_id(connection: sa.Connection, table: sa.Table, other: sa.Column[int]) -> int:
    """Return an id above all that were ever used, of rows long gone too."""
    used = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    newest = connection.scalar(used, {"name": table.name}) or 0
    return max(newest, connection.scalar(sa.select(sa.func.max(other))) or 0) + 1
