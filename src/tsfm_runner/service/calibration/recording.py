"""From served bands and outcomes to what waits for more and what the ledger keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.ledger import (
    ForecastEntry,
    IdArray,
    OutcomeEntry,
    OutcomeSource,
    ScoreEntry,
    StepArray,
)
from tsfm_runner.service.calibration.pending import Ended, Waiting
from tsfm_runner.service.calibration.points import MarketPoints
from tsfm_runner.service.calibration.questions import Served

_NOTHING = np.zeros((0, 0), dtype=np.float32)


@dataclass(slots=True)
class Numbers:
    """The numbers that forecasts and scores are given, from where they stood."""

    forecast: int = 1
    score: int = 1

    def next_forecast(self) -> int:
        """Return a number that no forecast had yet."""
        self.forecast += 1
        return self.forecast - 1

    def next_score(self) -> int:
        """Return a number that no score had yet."""
        self.score += 1
        return self.score - 1


def waiting_of(
    number: int, served: Served, now_s: float, max_delay_s: float
) -> Waiting:
    """Return a band that waits for its outcomes."""
    task, calibrated = served.prepared.task, served.calibrated
    closes_at = task.facts.closes_at
    return Waiting(
        number,
        calibrated.stream,
        served.is_shadow,
        calibrated.place,
        task.market_id,
        task.facts.event_id or task.market_id,
        task.cutoff.timestamp(),
        _NOTHING if calibrated.packed is None else calibrated.packed,
        now_s + task.horizon * task.freq.step_s + max_delay_s,
        None if closes_at is None else closes_at.timestamp(),
    )


def entry_of(
    number: int, served: Served, now_s: float, *, is_scored: bool
) -> ForecastEntry:
    """Return what the ledger keeps of a band."""
    task, calibrated = served.prepared.task, served.calibrated
    certificate, closes_at = calibrated.certificate, task.facts.closes_at
    packed = calibrated.packed if is_scored else None
    return ForecastEntry(
        id=number,
        forecast_id=served.forecast_id,
        market_id=task.market_id,
        event_id=task.facts.event_id,
        cutoff_s=task.cutoff.timestamp(),
        step_s=task.freq.step_s,
        closes_at_s=None if closes_at is None else closes_at.timestamp(),
        model_name=calibrated.stream.key.model_name,
        model_version=calibrated.stream.key.model_version,
        runtime=served.runtime,
        is_shadow=served.is_shadow,
        fallback_reason=served.fallback_reason,
        segment=certificate.segment,
        status=certificate.status,
        state_version=certificate.state_version,
        recorded_at_s=now_s,
        quantile_levels=task.quantile_levels,
        raw=served.raw,
        published=served.published,
        target=calibrated.target,
        scoring=_NOTHING if packed is None else packed,
    )


def score_entries(ended: Sequence[Ended], numbers: Numbers) -> list[ScoreEntry]:
    """Return what the ledger keeps of steps that ended, in order of time."""
    parts = [part for one in ended for part in _parts(one)]
    parts.sort(key=lambda part: part.ts_s)
    return [ScoreEntry(numbers.next_score(), *part) for part in parts]


class _Part(NamedTuple):
    """The steps of bands of one market that ended at one time; steps count from 1."""

    market_id: str
    ts_s: float
    y: float
    ids: IdArray
    steps: StepArray


def _parts(ended: Ended) -> list[_Part]:
    ids = np.array([one.id for one in ended.waiting], dtype=np.int64)
    steps = (ended.steps + 1).astype(np.int16)
    cuts = [0, *(np.flatnonzero(np.diff(ended.ts_s)) + 1).tolist(), ids.size]
    return [
        _Part(
            ended.market_id,
            float(ended.ts_s[begin]),
            float(ended.y[begin]),
            ids[begin:end],
            steps[begin:end],
        )
        for begin, end in pairwise(cuts)
    ]


def outcome_entries(
    told: MarketPoints, ended: Ended | None, source: OutcomeSource, now_s: float
) -> list[OutcomeEntry]:
    """Return what is written down of points: of a request, those that ended a step."""
    times_s, prices = told.times_s, told.prices
    if source == "request":
        if ended is None:
            return []
        times_s, prices = ended.ts_s, ended.y
    pairs = dict(zip(times_s.tolist(), prices.tolist(), strict=True)).items()
    return [OutcomeEntry(told.market_id, ts_s, y, source, now_s) for ts_s, y in pairs]
