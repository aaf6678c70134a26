"""A ledger in which a model stands beside baselines, with what became of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.adapters.ledger.entries import HORIZON, START_S, STEP_S, forecast, open_at

from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.domain.ledger import LedgerEntry, ScoreEntry
from tsfm_runner.service.calibration.rows import RowArray, Rows, pack


def write_ledger(  # noqa: PLR0913 - what differs between tests
    path: Path,
    *,
    reach: float = 0.1,
    n_events: int = 20,
    per_event: int = 10,
    segment: str = "category=weather",
    recorded_at_s: float = START_S,
) -> None:
    """Write answers of a model whose 80 % interval reaches so far up and down.

    That of the baseline beside it reaches 0.2; prices end within 0.1 four times in
    five, and 0.12 away else.
    """
    rng = np.random.default_rng(1)
    entries: list[LedgerEntry] = []
    for number in range(n_events * per_event):
        first = 2 * number + 1
        for place, edge in enumerate((reach, 0.2)):
            entries.append(
                replace(
                    forecast(first + place, is_shadow=place == 1),
                    forecast_id=f"answer-{number}",
                    event_id=f"event-{number % n_events}",
                    segment=segment,
                    cutoff_s=START_S + number * STEP_S,
                    recorded_at_s=recorded_at_s,
                    scoring=_rows(edge),
                )
            )
        for step in range(1, HORIZON + 1):
            is_near = (number + step) % 5 > 0
            away = float(rng.uniform(0, 0.09)) if is_near else 0.12
            entries.append(
                ScoreEntry(
                    id=HORIZON * number + step,
                    market_id="m",
                    ts_s=START_S + (number + step) * STEP_S,
                    y=0.5 + away,
                    forecast_ids=np.array([first, first + 1]),
                    steps=np.array([step, step], dtype=np.int16),
                )
            )
    with open_at(path) as ledger:
        ledger.append(entries)


def _rows(reach: float) -> RowArray:
    column, edges = np.zeros(HORIZON), np.tile([0.5 - reach, 0.5 + reach], (HORIZON, 1))
    tails = np.zeros((HORIZON, len(TRACKED_TAILS)))
    features = np.zeros((HORIZON, N_FEATURES))
    rows = Rows(column, column, column, features, tails, tails, edges, edges, edges)
    return pack(rows)
