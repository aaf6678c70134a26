"""From a served band to what waits for its outcomes and what the ledger keeps."""

from dataclasses import dataclass

import numpy as np

from tsfm_runner.domain.ledger import ForecastEntry
from tsfm_runner.service.calibration.arrays import BoolArray
from tsfm_runner.service.calibration.pending import Waiting
from tsfm_runner.service.calibration.questions import Served
from tsfm_runner.service.calibration.rows import RowArray
from tsfm_runner.service.calibration.streams import Stream

_SECONDS_PER_HOUR = 3_600
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
    number: int, served: Served, now_s: float, max_delay_hours: float
) -> Waiting:
    """Return a band that waits for its outcomes."""
    task, calibrated = served.prepared.task, served.calibrated
    packed = calibrated.packed if calibrated.packed is not None else _NOTHING
    closes_at = task.facts.closes_at
    return waits(
        number,
        calibrated.stream,
        calibrated.place,
        packed,
        is_shadow=served.is_shadow,
        market_id=task.market_id,
        event_id=task.facts.event_id,
        cutoff_s=task.cutoff.timestamp(),
        closes_at_s=None if closes_at is None else closes_at.timestamp(),
        expires_s=now_s
        + task.horizon * task.freq.step_s
        + max_delay_hours * _SECONDS_PER_HOUR,
    )


def waits(  # noqa: PLR0913 - one argument a fact of the band
    number: int,
    stream: Stream,
    place: int,
    packed: RowArray,
    *,
    is_shadow: bool,
    market_id: str,
    event_id: str | None,
    cutoff_s: float,
    closes_at_s: float | None,
    expires_s: float,
) -> Waiting:
    """Return a band that waits; steps after the market's close never end.

    What a market is worth then is what its event came to, not a price.
    """
    steps = np.arange(1, len(packed) + 1)
    targets_s = cutoff_s + stream.key.step_s * steps.astype(np.float64)
    is_open: BoolArray = np.ones(len(packed), dtype=np.bool_)
    if closes_at_s is not None:
        is_open = targets_s <= closes_at_s
    return Waiting(
        number,
        stream,
        is_shadow,
        place,
        market_id,
        event_id or market_id,
        cutoff_s,
        packed,
        is_open,
        targets_s,
        expires_s,
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
        target=np.stack((certificate.lower, certificate.upper), axis=1),
        scoring=_NOTHING if packed is None else packed,
    )
