"""From a served band to what waits for its outcomes and what the ledger keeps."""

from dataclasses import dataclass

import numpy as np

from tsfm_runner.domain.ledger import ForecastEntry
from tsfm_runner.service.calibration.pending import Waiting
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
