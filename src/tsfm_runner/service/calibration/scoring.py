"""From outcomes to scores: what the ended steps of bands teach their streams."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import CalibrationConfig
from tsfm_runner.core.conformal.cells import cell_of, last_step_of
from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.sketch import bin_of
from tsfm_runner.domain.calibration import Drift
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.domain.telling import Breaches
from tsfm_runner.service.calibration.arrays import BAND_LEVEL, IntArray, Scores
from tsfm_runner.service.calibration.markets import MarketScales
from tsfm_runner.service.calibration.pending import Ended
from tsfm_runner.service.calibration.rows import Rows, unpack
from tsfm_runner.service.calibration.streams import Stream
from tsfm_runner.service.calibration.tallying import Tallies
from tsfm_runner.service.grouping import grouped

_SAME_PRICE = 1e-7


class Lesson(NamedTuple):
    """What outcomes have shown: drifts, and breaches of bands that were served."""

    drifts: tuple[Drift, ...]
    breaches: Breaches


class Learned(NamedTuple):
    """Everything that outcomes of one stream change."""

    stream: Stream
    tallies: Tallies
    scales: MarketScales


def score(
    ended: Sequence[Ended],
    state_of: Callable[[Stream], Learned],
    config: CalibrationConfig,
    *,
    now_s: float,
) -> list[Lesson]:
    """Let the streams learn from ended steps, which stand in order of their time."""
    return [
        _score_alike(state_of(stream), part, config, grid_time=grid_time, now_s=now_s)
        for (stream, grid_time), _, part in grouped(ended, _stream_and_time)
    ]


def _stream_and_time(ended: Ended) -> tuple[Stream, int]:
    stream = ended.waiting.stream
    return stream, int(ended.ts_s // stream.key.step_s)


def _score_alike(
    learned: Learned,
    ended: Sequence[Ended],
    config: CalibrationConfig,
    *,
    grid_time: int,
    now_s: float,
) -> Lesson:
    """Learn from outcomes of one stream at one grid time."""
    stream = learned.stream
    rows = unpack(np.array([one.waiting.packed[one.step] for one in ended]))
    y = np.array([one.y for one in ended])
    cells = cell_of(np.array([one.step + 1 for one in ended]))
    places = np.array([one.waiting.place for one in ended])
    stream.reach(int(cells.max()) + 1)
    learned.tallies.grow(*stream.segment.counts.shape[:2])
    shadows = np.array([int(one.waiting.is_shadow) for one in ended])
    served, target = learned.tallies.add(
        rows,
        y,
        target_miss=1 - config.target_coverage,
        shadows=shadows,
        segments=places,
        cells=cells,
        events=[one.waiting.event for one in ended],
    )
    scores = _scores(rows, y, places, cells)._replace(is_inside=served.is_open)
    _follow_markets(learned.scales, ended, scores, config)
    drifted = stream.add(grid_time, scores, now_s=now_s)
    n_severe = int((~target.is_closed & (shadows == 0)).sum())
    n_outside = int((~(served.is_closed & target.is_closed) & (shadows == 0)).sum())
    return Lesson(
        tuple(
            Drift(
                stream.key,
                stream.names[one.segment],
                last_step_of(one.cell),
                one.miss_rate,
                one.inside_rate,
            )
            for one in drifted
        ),
        Breaches(n_outside - n_severe, n_severe),
    )


def _scores(rows: Rows, y: FloatArray, segments: IntArray, cells: IntArray) -> Scores:
    distance = y - rows.median
    distance[np.abs(distance) < _SAME_PRICE] = 0.0
    signed = distance / rows.scale
    # The inner side of a price is the one towards 0.5, as in `outward_margins`.
    inward = np.where(rows.median <= 0.5, signed, -signed)  # noqa: PLR2004
    missed = np.stack(
        (inward[:, None] > rows.inner, -inward[:, None] > rows.outer), axis=1
    )
    sizes = np.abs(signed)
    return Scores(
        segments,
        cells,
        bin_of(sizes),
        sizes,
        missed,
        np.zeros(y.size, dtype=np.bool_),
        rows.features,
        rows.base,
        ~np.isnan(rows.inner[:, 0]),
    )


def _follow_markets(
    scales: MarketScales,
    ended: Sequence[Ended],
    scores: Scores,
    config: CalibrationConfig,
) -> None:
    """Move the own scale of each market whose bands were calibrated ones."""
    counted = np.flatnonzero(scores.is_tracked)
    if not counted.size:
        return
    misses = scores.missed[:, :, BAND_LEVEL].mean(axis=1)
    scales.follow(
        [ended[place].waiting.market_id for place in counted.tolist()],
        scores.cells[counted],
        misses[counted],
        tail=TRACKED_TAILS[BAND_LEVEL],
        leak=config.market_leak,
        rate=config.market_rate,
    )
