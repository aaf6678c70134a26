"""Go on from where the last process stopped, however it stopped."""

from collections.abc import Mapping

from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.domain.ledger import ForecastEntry, LedgerContents, ScoreEntry
from tsfm_runner.service.calibration.pending import Ended, Pending, Waiting
from tsfm_runner.service.calibration.persisting import restore
from tsfm_runner.service.calibration.recording import Numbers, waits
from tsfm_runner.service.calibration.scoring import score
from tsfm_runner.service.calibration.state import CalibrationState


def resume(
    contents: LedgerContents,
    state: CalibrationState,
    pending: Pending,
    *,
    now_s: float,
    max_delay_s: float,
) -> Numbers:
    """Restore the state, learn from the scores after it, and wait for the rest.

    Returns the numbers from which forecasts and scores go on. Raises
    ``CalibrationStateError`` for a state that cannot be read.
    """
    if contents.state is not None:
        restore(state, contents.state.blob)
    waiting = {
        entry.id: _waiting(entry, state, max_delay_s)
        for entry in contents.forecasts
        if entry.scoring.size
    }
    for entry in contents.scores:
        _score_again(entry, waiting, state, now_s)
    for number, step in contents.ended:
        if number in waiting:
            waiting[number].is_open[step - 1] = False
    for one in waiting.values():
        pending.add(one)
    pending.expire(now_s)
    return Numbers(contents.next_forecast_id, contents.next_score_id)


def _waiting(
    entry: ForecastEntry, state: CalibrationState, max_delay_s: float
) -> Waiting:
    key = StreamKey(entry.model_name, entry.model_version, entry.step_s)
    stream = state.stream(key)
    return waits(
        entry.id,
        stream,
        stream.place_of(entry.segment),
        entry.scoring,
        is_shadow=entry.is_shadow,
        market_id=entry.market_id,
        event_id=entry.event_id,
        cutoff_s=entry.cutoff_s,
        closes_at_s=entry.closes_at_s,
        expires_s=entry.recorded_at_s + entry.horizon * entry.step_s + max_delay_s,
    )


def _score_again(
    entry: ScoreEntry,
    waiting: Mapping[int, Waiting],
    state: CalibrationState,
    now_s: float,
) -> None:
    """Learn from one entry as the process before did when it wrote it."""
    ended = [
        Ended(entry.ts_s, waiting[number], step - 1, entry.y)
        for number, step in zip(
            entry.forecast_ids.tolist(), entry.steps.tolist(), strict=True
        )
        if number in waiting
    ]
    if not ended:
        return
    score(ended, state.of, state.config, now_s=now_s)
    for one in ended:
        one.waiting.is_open[one.step] = False
