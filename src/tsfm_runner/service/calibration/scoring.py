"""From outcomes to scores: what the ended steps of bands teach their streams."""

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import CalibrationConfig
from tsfm_runner.core.conformal.cells import cell_of, last_step_of
from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.sketch import bin_of
from tsfm_runner.domain.calibration import Drift
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.domain.telling import Breaches
from tsfm_runner.service.calibration.arrays import (
    BAND_LEVEL,
    BoolArray,
    IntArray,
    Scores,
    tracked,
)
from tsfm_runner.service.calibration.markets import MarketScales
from tsfm_runner.service.calibration.pending import Ended, Waiting
from tsfm_runner.service.calibration.rows import Rows, unpack
from tsfm_runner.service.calibration.streams import Drifted, Stream
from tsfm_runner.service.calibration.tallying import Tallies
from tsfm_runner.service.grouping import grouped

_SAME_PRICE = 1e-7
_N_EDGES = 2.0  # no outcome is beyond both


class Lesson(NamedTuple):
    """What outcomes have shown: drifts, and breaches of bands that were served."""

    drifts: tuple[Drift, ...]
    breaches: Breaches


class Learned(NamedTuple):
    """Everything that outcomes of one stream change."""

    stream: Stream
    tallies: Tallies
    scales: MarketScales


class Ends(NamedTuple):
    """Steps of bands of one stream that ended, one element each.

    ``is_inside`` tells of the 10/90 interval as served, without its edges;
    ``places`` are those of the segments.
    """

    rows: Rows
    y: FloatArray
    is_inside: BoolArray
    places: IntArray
    cells: IntArray
    market_ids: Sequence[str]

    def chosen(self, is_chosen: BoolArray) -> "Ends":
        """Return some of the steps."""
        ids = list(compress(self.market_ids, is_chosen.tolist()))
        rows = Rows._make(column[is_chosen] for column in self.rows)
        return Ends(
            rows,
            self.y[is_chosen],
            self.is_inside[is_chosen],
            self.places[is_chosen],
            self.cells[is_chosen],
            ids,
        )


class Outcomes(NamedTuple):
    """Ended steps of many markets, one element each; steps count from 0."""

    waiting: list[Waiting]
    ts_s: FloatArray
    steps: IntArray
    y: FloatArray


def score(
    ended: Sequence[Ended],
    state_of: Callable[[Stream], Learned],
    config: CalibrationConfig,
    *,
    now_s: float,
) -> list[Lesson]:
    """Let the streams learn from ended steps, in order of their time."""
    outcomes = _in_time(ended)
    return [
        _score_alike(state_of(stream), part, config, grid_time=grid_time, now_s=now_s)
        for stream, grid_time, part in _alike(outcomes)
    ]


def _in_time(ended: Sequence[Ended]) -> Outcomes:
    outcomes = Outcomes(
        [one for part in ended for one in part.waiting],
        np.concatenate([part.ts_s for part in ended]),
        np.concatenate([part.steps for part in ended]),
        np.concatenate([part.y for part in ended]),
    )
    if (outcomes.ts_s[1:] >= outcomes.ts_s[:-1]).all():
        return outcomes
    return _taken(outcomes, np.argsort(outcomes.ts_s, kind="stable"))


def _taken(outcomes: Outcomes, places: IntArray) -> Outcomes:
    return Outcomes(
        [outcomes.waiting[place] for place in places.tolist()],
        outcomes.ts_s[places],
        outcomes.steps[places],
        outcomes.y[places],
    )


def _alike(outcomes: Outcomes) -> Iterator[tuple[Stream, int, Outcomes]]:
    """Yield the outcomes of each stream and grid time together, in order of time."""
    streams = [one.stream for one in outcomes.waiting]
    step_s = np.array([one.key.step_s for one in streams])
    grid_times = (outcomes.ts_s // step_s).astype(np.int64).tolist()
    keys = list(zip(streams, grid_times, strict=True))
    if len(set(keys)) == 1:
        yield *keys[0], outcomes
        return
    for (stream, grid_time), places, _ in grouped(keys, lambda key: key):
        yield stream, grid_time, _taken(outcomes, np.array(places))


def _score_alike(
    learned: Learned,
    ended: Outcomes,
    config: CalibrationConfig,
    *,
    grid_time: int,
    now_s: float,
) -> Lesson:
    """Learn from outcomes of one stream at one grid time."""
    stream, bands, y = learned.stream, ended.waiting, ended.y
    packed = [
        one.packed[step] for one, step in zip(bands, ended.steps.tolist(), strict=True)
    ]
    rows = unpack(np.array(packed))
    cells = cell_of(ended.steps + 1)
    places = np.array([one.place for one in bands])
    shadows = np.array([one.is_shadow for one in bands], dtype=np.int64)
    stream.reach(int(cells.max()) + 1)
    learned.tallies.grow(*stream.segment.counts.shape[:2])
    served, target = learned.tallies.add(
        rows,
        y,
        target_miss=1 - config.target_coverage,
        shadows=shadows,
        segments=places,
        cells=cells,
        events=[one.event for one in bands],
    )
    drifted = teach(
        learned,
        Ends(rows, y, served.is_open, places, cells, [one.market_id for one in bands]),
        config,
        grid_time=grid_time,
        now_s=now_s,
    )
    n_severe = int((~target.is_closed & (shadows == 0)).sum())
    n_outside = int((~(served.is_closed & target.is_closed) & (shadows == 0)).sum())
    return Lesson(
        tuple(_drift(stream, one) for one in drifted),
        Breaches(n_outside - n_severe, n_severe, int((shadows == 0).sum())),
    )


def teach(
    learned: Learned,
    ends: Ends,
    config: CalibrationConfig,
    *,
    grid_time: int,
    now_s: float,
) -> list[Drifted]:
    """Let the stream and the markets of these steps learn; return what drifted."""
    scores = scores_of(ends)
    follow_markets(learned.scales, ends.market_ids, scores, config)
    return learned.stream.add(grid_time, scores, now_s=now_s)


def _drift(stream: Stream, drifted: Drifted) -> Drift:
    return Drift(
        stream.key,
        stream.names[drifted.segment],
        last_step_of(drifted.cell),
        drifted.miss_rate,
        drifted.inside_rate,
    )


def scores_of(ends: Ends) -> Scores:
    """Return what a stream learns from."""
    rows, y = ends.rows, ends.y
    distance = y - rows.median
    distance *= np.abs(distance) >= _SAME_PRICE
    signed = distance / rows.scale
    # The inner side of a price is the one towards 0.5, as in `outward_margins`.
    inward = np.where(rows.median <= 0.5, signed, -signed)  # noqa: PLR2004
    missed = np.empty((y.size, 2, len(TRACKED_TAILS)), dtype=bool)
    np.greater(inward[:, None], rows.inner, out=missed[:, 0])
    np.greater(-inward[:, None], rows.outer, out=missed[:, 1])
    sizes = np.abs(signed)
    return Scores(
        ends.places,
        ends.cells,
        bin_of(sizes),
        sizes,
        missed,
        ends.is_inside,
        rows.features,
        rows.base,
        np.isfinite(rows.inner[:, 0]),
    )


def follow_markets(
    scales: MarketScales,
    market_ids: Sequence[str],
    scores: Scores,
    config: CalibrationConfig,
) -> None:
    """Move the own scale of each market whose bands were calibrated ones."""
    told = tracked(scores)
    if not told.cells.size:
        return
    if told is not scores:
        market_ids = list(compress(market_ids, scores.is_tracked.tolist()))
    missed = told.missed[:, :, BAND_LEVEL]
    scales.follow(
        market_ids,
        told.cells,
        (missed[:, 0] | missed[:, 1]) / _N_EDGES,
        tail=TRACKED_TAILS[BAND_LEVEL],
        leak=config.market_leak,
        rate=config.market_rate,
    )
