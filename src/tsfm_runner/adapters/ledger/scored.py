"""Which steps of which forecasts were scored, and what the price was then."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from tsfm_runner.adapters.ledger.tables import SCORES
from tsfm_runner.domain.ledger import IdArray
from tsfm_runner.domain.task import FloatArray

_read_ids = msgspec.json.Decoder(list[int]).decode


class Span(NamedTuple):
    """When the steps of some forecasts of one market end."""

    from_s: float
    until_s: float


class ScoredSteps(NamedTuple):
    """One element for each step that was scored, in the order of scoring."""

    forecast_ids: IdArray
    steps: IdArray
    y: FloatArray


def scored_within(connection: sa.Connection, spans: Mapping[str, Span]) -> ScoredSteps:
    """Return the steps that were scored within a span for each market.

    They are those of other forecasts too.
    """
    if not spans:
        return flatten([])
    scores = SCORES.c
    query = (
        sa.select(scores.market_id, scores.ts_s, scores.y, scores.forecast_ids)
        .add_columns(scores.steps)
        .where(
            scores.ts_s >= min(span.from_s for span in spans.values()),
            scores.ts_s <= max(span.until_s for span in spans.values()),
        )
    )
    if len(spans) == 1:
        query = query.where(scores.market_id == next(iter(spans)))
    found = []
    for market_id, ts_s, y, forecast_ids, steps in connection.execute(query):
        span = spans.get(market_id)
        if span is not None and span.from_s <= ts_s <= span.until_s:
            found.append((y, forecast_ids, steps))
    return flatten(found)


def flatten(found: Sequence[tuple[float, str, str]]) -> ScoredSteps:
    """Return the steps of some rows of scores.

    >>> flatten([(0.5, "[7, 8]", "[1, 2]"), (0.25, "[9]", "[1]")])[1:]
    (array([1, 2, 1]), array([0.5 , 0.5 , 0.25]))
    """
    ids = _numbers([row[1] for row in found])
    steps = _numbers([row[2] for row in found])
    counts = [_count(row[1]) for row in found]
    prices = np.array([row[0] for row in found], dtype=np.float64)
    if len(ids) != len(steps):
        raise ValueError("a score has not one step for each forecast")
    return ScoredSteps(ids, steps, np.repeat(prices, counts))


def _numbers(lists: Sequence[str]) -> IdArray:
    """Read many lists in one go."""
    joined = ",".join(each[1:-1] for each in lists if _count(each))
    return np.array(_read_ids(f"[{joined}]"), dtype=np.int64)


def _count(listed: str) -> int:
    return 0 if listed == "[]" else listed.count(",") + 1
