"""Go on from where the last process stopped, however it stopped."""

from collections.abc import Mapping

import numpy as np

from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.domain.ledger import ForecastEntry, LedgerContents, ScoreEntry
from tsfm_runner.service.calibration.pending import Ended, Pending, Waiting
from tsfm_runner.service.calibration.persisting import restore
from tsfm_runner.service.calibration.recording import Numbers
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
        for newest in restore(state, contents.state.blob):
            pending.remember_cutoff(*newest)
    bands = {entry.id: entry for entry in contents.forecasts if entry.scoring.size}
    waiting = {
        number: _waiting(entry, state, max_delay_s) for number, entry in bands.items()
    }
    is_open = {
        number: np.ones(entry.horizon, dtype=np.bool_)
        for number, entry in bands.items()
    }
    for entry in contents.scores:
        _score_again(entry, waiting, state, now_s)
        for number, step in _pairs(entry, waiting):
            is_open[number][step] = False
    for number, step in contents.ended:
        if number in is_open:
            is_open[number][step - 1] = False
    for number, one in waiting.items():
        pending.add(one, is_open[number])
    pending.expire(now_s)
    return Numbers(contents.next_forecast_id, contents.next_score_id)


def _waiting(
    entry: ForecastEntry, state: CalibrationState, max_delay_s: float
) -> Waiting:
    key = StreamKey(entry.model_name, entry.model_version, entry.step_s)
    stream = state.stream(key)
    return Waiting(
        entry.id,
        stream,
        entry.is_shadow,
        stream.place_of(entry.segment),
        entry.market_id,
        entry.event_id or entry.market_id,
        entry.cutoff_s,
        entry.scoring,
        entry.awaited_until_s + max_delay_s,
        entry.closes_at_s,
    )


def _pairs(entry: ScoreEntry, waiting: Mapping[int, Waiting]) -> list[tuple[int, int]]:
    """Return the bands and the steps, from 0, of a score, as far as they are known."""
    pairs = zip(entry.forecast_ids.tolist(), entry.steps.tolist(), strict=True)
    return [(number, step - 1) for number, step in pairs if number in waiting]


def _score_again(
    entry: ScoreEntry,
    waiting: Mapping[int, Waiting],
    state: CalibrationState,
    now_s: float,
) -> None:
    """Learn from one entry as the process before did when it wrote it."""
    pairs = _pairs(entry, waiting)
    if pairs:
        ended = Ended(
            entry.market_id,
            [waiting[number] for number, _ in pairs],
            np.full(len(pairs), entry.ts_s),
            np.array([step for _, step in pairs]),
            np.full(len(pairs), entry.y),
        )
        score([ended], state.of, state.config, now_s=now_s)
