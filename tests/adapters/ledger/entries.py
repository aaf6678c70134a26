"""Entries for a ledger, and ledgers to write them to."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import numpy as np

from tsfm_runner.adapters.ledger import Rhythm, SqliteLedger, open_ledger
from tsfm_runner.config import StoreConfig
from tsfm_runner.domain.ledger import (
    ForecastEntry,
    OutcomeEntry,
    ScoreEntry,
    SegmentRow,
    StateEntry,
)

START_S = 1_700_000_000.0
STEP_S = 300
LEVELS = (0.1, 0.5, 0.9)
HORIZON = 3
NEVER_S = 3_600.0


class Told:
    """Remembers what the ledger told."""

    def __init__(self) -> None:
        self.failures: list[Exception | None] = []

    def __call__(self, failure: Exception | None) -> None:
        self.failures.append(failure)


class SetClock:
    """Stands still until it is set."""

    def __init__(self, now_s: float = START_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def open_at(  # noqa: PLR0913 - a settings file in one call
    path: Path | None,
    *,
    told: Told | None = None,
    clock: SetClock | None = None,
    commit_interval_s: float = NEVER_S,
    max_waiting: int = 50_000,
    max_bytes: int = 2**31,
    retention_interval_s: float = NEVER_S,
    retry_interval_s: float = NEVER_S,
) -> SqliteLedger:
    """Open a ledger that does nothing by itself unless an interval is handed in."""
    url = "sqlite://" if path is None else f"sqlite:///{path}"
    now = clock or SetClock()
    return open_ledger(
        StoreConfig(
            url=url,
            commit_interval_s=commit_interval_s,
            max_waiting=max_waiting,
            max_bytes=max_bytes,
        ),
        tell=told or Told(),
        clock=now,
        now=now,
        rhythm=Rhythm(retry_interval_s, retention_interval_s),
    )


def forecast(  # noqa: PLR0913 - what differs between tests
    number: int,
    *,
    market_id: str = "m",
    is_shadow: bool = False,
    cutoff_s: float | None = None,
    horizon: int = HORIZON,
    recorded_at_s: float = START_S,
) -> ForecastEntry:
    """Return a forecast; its id says where its cutoff is, and seeds its bands."""
    rng = np.random.default_rng(number)
    bands = np.sort(rng.random((horizon, len(LEVELS))), axis=1)
    return ForecastEntry(
        id=number,
        forecast_id=f"f-{number}",
        market_id=market_id,
        event_id="e",
        cutoff_s=START_S + number * STEP_S if cutoff_s is None else cutoff_s,
        step_s=STEP_S,
        closes_at_s=None,
        model_name="ewma" if is_shadow else "chronos2",
        model_version="1",
        runtime="baseline" if is_shadow else "tollama",
        is_shadow=is_shadow,
        fallback_reason=None,
        segment="politics|mid",
        status="calibrated",
        state_version=1,
        recorded_at_s=recorded_at_s,
        quantile_levels=LEVELS,
        raw=bands,
        published=bands.round(2),
        target=bands[:, [0, -1]].round(2),
        scoring=rng.normal(size=(horizon, 4)).astype(np.float32),
    )


def outcome(number: int, *, y: float = 0.5, market_id: str = "m") -> OutcomeEntry:
    """Return the price at a step."""
    return OutcomeEntry(
        market_id=market_id,
        ts_s=START_S + number * STEP_S,
        y=y,
        source="request",
        recorded_at_s=START_S,
    )


def score(
    number: int, pairs: Sequence[tuple[int, int]], *, ts_s: float, y: float = 0.25
) -> ScoreEntry:
    """Return the score of some (forecast id, step)."""
    ids, steps = zip(*pairs, strict=True)
    return ScoreEntry(
        id=number,
        market_id="m",
        ts_s=ts_s,
        y=y,
        forecast_ids=np.array(ids, dtype=np.int64),
        steps=np.array(steps, dtype=np.int16),
    )


def state(applied: int, blob: bytes = b"counts") -> StateEntry:
    """Return the state after a score."""
    return StateEntry(
        applied_score_id=applied,
        updated_at_s=START_S + applied,
        blob=blob,
        segments=(segment(n=applied),),
    )


def segment(n: int) -> SegmentRow:
    """Return how some bands have done."""
    return SegmentRow(
        model_name="chronos2",
        model_version="1",
        step_s=STEP_S,
        is_shadow=False,
        segment="politics|mid",
        step=1,
        n=n,
        n_closed=n,
        n_open=0,
        mean_width=0.1,
        mean_interval_score=0.2,
    )


def facts(entry: object) -> dict[str, object]:
    """Return what can be compared of an entry: arrays become lists."""
    values = {each.name: getattr(entry, each.name) for each in fields(entry)}  # type: ignore[arg-type]
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


def change(path: Path, statement: str) -> None:
    """Change a ledger behind its back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
