"""Read what a ledger holds of the last days, newest first, beside whoever writes."""

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from tsfm_runner.adapters.ledger.database import opened_to_read
from tsfm_runner.adapters.ledger.reading import outcomes_of, spans_of
from tsfm_runner.adapters.ledger.rows import to_forecast
from tsfm_runner.adapters.ledger.scored import scored_within
from tsfm_runner.adapters.ledger.tables import FORECASTS
from tsfm_runner.domain.ledger import LedgerForecast

_AT_ONCE = 5_000


def read_recent(
    path: Path, *, since_s: float, at_once: int = _AT_ONCE
) -> Iterator[list[LedgerForecast]]:
    """Yield forecasts and shadows recorded at or after a moment, so many at once.

    Each part goes further back than the one before; within it they are in order of
    id. Bands that nothing scores are left out.

    Raises ``CalibrationStateError`` where the ledger cannot be read.
    """
    rows = FORECASTS.c
    query = sa.select(FORECASTS).order_by(rows.id.desc()).limit(at_once)
    with opened_to_read(path) as database:
        before_id = None
        while True:
            part = query if before_id is None else query.where(rows.id < before_id)
            with database.reading() as connection:
                found = connection.execute(part).all()
                # Ids ascend in the order of recording.
                entries = [
                    to_forecast(row)
                    for row in reversed(found)
                    if row.recorded_at_s >= since_s and row.scoring
                ]
                outcomes = outcomes_of(
                    entries, scored_within(connection, spans_of(entries))
                )
            yield [
                LedgerForecast(entry, prices)
                for entry, prices in zip(entries, outcomes, strict=True)
            ]
            if len(found) < at_once or found[-1].recorded_at_s < since_s:
                return
            before_id = found[-1].id
