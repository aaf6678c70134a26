"""Hold new prices against the bands that were served for their time."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import SignalsConfig
from tsfm_runner.core.conformal.cells import cell_of
from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.p_values import is_beyond, margin_p_values
from tsfm_runner.core.conformal.sketch import shrink, tail_shares
from tsfm_runner.domain.signals import BreachedBand, BreachSignal, Direction
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.calibration.describing import BAND_TAIL
from tsfm_runner.service.calibration.pending import Ended, Waiting
from tsfm_runner.service.calibration.rows import RowArray, Rows, unpack
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.streams import Stream
from tsfm_runner.service.grouping import grouped

_ROUNDING = 1e-6
_LEAST_P = 1e-7


class MarketKey(NamedTuple):
    """A market as it is watched: with the step of the bands that judge it."""

    market_id: str
    step_s: int


class Trial(NamedTuple):
    """One new price of a market, and the band that it is least likely in.

    ``p_value`` is against ``band``. ``is_far`` tells whether the price lies at least
    the least move from the median of that band; where it lies near those of all, the
    band is the newest one.
    """

    key: MarketKey
    event_id: str | None
    closes_at_s: float | None
    ts_s: float
    price: float
    p_value: float
    is_far: bool
    band: BreachedBand

    @property
    def far_p_value(self) -> float:
        """The p-value where the price is far from what was expected, else 1."""
        return self.p_value if self.is_far else 1.0

    @property
    def direction(self) -> Direction:
        """Which way the price has left the median."""
        return "up" if self.price >= self.band.median else "down"


class _Steps(NamedTuple):
    """Ended steps of served bands, one element each; steps count from 0."""

    bands: list[Waiting]
    steps: IntArray
    ts_s: FloatArray
    y: FloatArray


def trials_of(
    ended: Sequence[Ended],
    learned_of: Callable[[Stream], Learned],
    config: SignalsConfig,
) -> list[Trial]:
    """Return a trial for each market, step and time, in order of time.

    Bands that nobody had calibrated, and shadows, judge nothing.
    """
    chosen = _recent(ended, config.lookback_s)
    if not chosen.bands:
        return []
    rows = unpack(np.array(_packed(chosen)))
    p_values = _p_values(chosen, rows, learned_of)
    is_far = np.abs(chosen.y - rows.median) >= config.min_move - _ROUNDING
    judged = [
        _trial(chosen, rows, p_values, is_far, places) for places in _moments(chosen)
    ]
    return sorted(judged, key=lambda trial: trial.ts_s)


def trial_of(signal: BreachSignal) -> Trial:
    """Return the trial of the price that a signal tells of."""
    return Trial(
        MarketKey(signal.market_id, signal.band.step_s),
        signal.event_id,
        None,
        signal.ts_s,
        signal.price,
        signal.p_value,
        is_far=True,
        band=signal.band,
    )


def _packed(chosen: _Steps) -> list[RowArray]:
    places = chosen.steps.tolist()
    return [one.packed[at] for one, at in zip(chosen.bands, places, strict=True)]


def _recent(ended: Sequence[Ended], lookback_s: float) -> _Steps:
    """Return the steps of bands issued within the lookback, or the newest one."""
    found: list[tuple[Waiting, int, float, float]] = []
    for one in ended:
        rows = zip(
            one.waiting,
            one.steps.tolist(),
            one.ts_s.tolist(),
            one.y.tolist(),
            strict=True,
        )
        served = [row for row in rows if row[0].is_judging]
        newest: dict[tuple[int, float], float] = {}
        for band, _, ts_s, _ in served:
            key = band.stream.key.step_s, ts_s
            newest[key] = max(newest.get(key, -np.inf), band.cutoff_s)
        found += [
            row
            for row in served
            if row[0].cutoff_s >= row[2] - lookback_s - _ROUNDING
            or row[0].cutoff_s == newest[row[0].stream.key.step_s, row[2]]
        ]
    bands, steps, ts_s, y = zip(*found, strict=True) if found else ((), (), (), ())
    return _Steps(
        list(bands), np.array(steps, dtype=np.int64), np.array(ts_s), np.array(y)
    )


def _p_values(
    chosen: _Steps, rows: Rows, learned_of: Callable[[Stream], Learned]
) -> FloatArray:
    """Return the p-value of each price against its band."""
    distance = chosen.y - rows.median
    # The inner side of a price is the one towards 0.5, as in `outward_margins`.
    is_inner = (distance > 0) == (rows.median <= 0.5)  # noqa: PLR2004 - the middle
    margins = np.where(is_inner[:, None], rows.inner, rows.outer)
    sizes = np.abs(distance) / rows.scale
    beyond = np.ones(sizes.size)
    far_out = np.flatnonzero(is_beyond(sizes, margins)).tolist()
    for stream, _, places in grouped(far_out, lambda at: chosen.bands[at].stream):
        at = np.array(places)
        both = np.stack((sizes[at], margins[at, 0]))
        beyond[at] = _beyond(chosen, at, both, learned_of(stream))
    tails = np.array(TRACKED_TAILS)
    p_values = margin_p_values(sizes, margins, tails=tails, beyond=beyond)
    return np.maximum(p_values, _LEAST_P)


def _beyond(
    chosen: _Steps, at: IntArray, both: FloatArray, learned: Learned
) -> FloatArray:
    """Return which share of the scores beyond the margins is at least of a size.

    ``both`` has the sizes and the margins of some steps of one stream; the sketch of
    their segments tells, where the margins themselves end.
    """
    stream, bands = learned.stream, [chosen.bands[place] for place in at.tolist()]
    cells = cell_of(chosen.steps[at] + 1)
    stream.reach(int(cells.max()) + 1)
    counts = stream.segment.counts[np.array([one.place for one in bands]), cells]
    shares = shrink(
        counts.astype(np.float64),
        stream.overall(cells),
        weight=stream.config.shrinkage,
    )
    names = [one.market_id for one in bands]
    own = learned.scales.of(names, int(cells.max()) + 1)[np.arange(at.size), cells]
    larger, all_beyond = (tail_shares(shares, part / np.exp(own)) for part in both)
    return np.asarray(larger / np.maximum(all_beyond, _LEAST_P))


def _moments(chosen: _Steps) -> Iterator[list[int]]:
    """Yield the places of the steps that one price of a market has ended together."""
    keys = [
        (one.market_id, one.stream.key.step_s, ts_s)
        for one, ts_s in zip(chosen.bands, chosen.ts_s.tolist(), strict=True)
    ]
    for _, places, _ in grouped(keys, lambda key: key):
        yield places


def _trial(
    chosen: _Steps,
    rows: Rows,
    p_values: FloatArray,
    is_far: np.ndarray[tuple[int], np.dtype[np.bool_]],
    places: list[int],
) -> Trial:
    """Return the trial of a price by the band that it is least likely in.

    The newest band says when the market closes, which may have been put off.
    """
    far = [place for place in places if is_far[place]]
    newest = max(places, key=lambda place: chosen.bands[place].cutoff_s)
    place = min(far, key=lambda place: p_values[place]) if far else newest
    band = chosen.bands[place]
    has_event = band.event != band.market_id
    return Trial(
        MarketKey(band.market_id, band.stream.key.step_s),
        band.event if has_event else None,
        chosen.bands[newest].closes_at_s,
        float(chosen.ts_s[place]),
        float(chosen.y[place]),
        float(p_values[place]),
        bool(far),
        _band(band, rows, place, step=int(chosen.steps[place]) + 1),
    )


def _band(band: Waiting, rows: Rows, place: int, *, step: int) -> BreachedBand:
    key = band.stream.key
    lower, upper = rows.served[place].tolist()
    return BreachedBand(
        issued_at_s=band.cutoff_s,
        step=step,
        step_s=key.step_s,
        coverage=round(1 - 2 * BAND_TAIL, 9),
        lower=lower,
        median=float(rows.median[place]),
        upper=upper,
        model_name=key.model_name,
        model_version=key.model_version,
        segment=band.stream.names[band.place],
    )
