"""Draw calibrated bands: many markets of one stream at once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.conformal.band import calibrated_band, outward_margins
from tsfm_runner.core.conformal.cells import cells_within
from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.scale import learned_scale
from tsfm_runner.core.levels import values_at_levels
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.calibration.outlining import Outline, ends_of
from tsfm_runner.service.calibration.rows import RowArray, Rows, pack
from tsfm_runner.service.calibration.streams import Stream

_MEDIAN = 0.5
_LEVEL_DECIMALS = 9  # 1 - 0.9 and 0.1 are one tail


class Drawn(NamedTuple):
    """Bands of some markets.

    ``values`` has shape (n_markets, horizon, n_levels), ``target`` the two edges of
    the interval at the target coverage last.
    """

    values: FloatArray
    target: FloatArray
    packed: RowArray
    places: list[int]


class _Levels(NamedTuple):
    """The levels that a band is drawn at, ascending, and where those wanted stand.

    Besides the levels asked for they are the two of the target. ``sides`` are
    signed distances from the median. ``tails`` are those of the levels and the
    tracked ones, each of them once; ``of_levels`` and ``of_tracked`` their places.
    """

    tails: tuple[float, ...]
    of_levels: IntArray
    of_tracked: IntArray
    sides: FloatArray
    asked: IntArray
    target: IntArray


@lru_cache(maxsize=256)
def _levels(asked: tuple[float, ...], target_coverage: float) -> _Levels:
    target = _target_levels(target_coverage)
    drawn = sorted({round(level, _LEVEL_DECIMALS) for level in (*asked, *target)})
    places = {level: place for place, level in enumerate(drawn)}

    def find(levels: tuple[float, ...]) -> IntArray:
        return np.array([places[round(level, _LEVEL_DECIMALS)] for level in levels])

    of_levels = [round(min(level, 1 - level), _LEVEL_DECIMALS) for level in drawn]
    tails = sorted({*of_levels, *TRACKED_TAILS})
    return _Levels(
        tuple(tails),
        np.array([tails.index(tail) for tail in of_levels]),
        np.array([tails.index(tail) for tail in TRACKED_TAILS]),
        np.array(drawn) - _MEDIAN,
        find(asked),
        find(target),
    )


def _target_levels(coverage: float) -> tuple[float, float]:
    outside = (1 - coverage) / 2
    return outside, 1 - outside


def draw(
    stream: Stream,
    outline: Outline,
    log_scales: FloatArray,
    levels: tuple[float, ...],
) -> Drawn:
    """Return the calibrated bands of markets, and what scoring them needs.

    Parameters
    ----------
    outline : Outline
        Of bands at these levels.
    log_scales : (n_markets, horizon) array
        Each market's own scale, as a logarithm.

    """
    config = stream.config
    _, raw, median, ends, base, features, tick = outline
    cells = cells_within(median.shape[1])
    places = [stream.place(segment) for segment in outline.segments]
    stream.reach(int(cells[-1]) + 1)
    scale = learned_scale(base, features, stream.cell.weights.take(cells, axis=0))
    coverage = config.target_coverage
    if stream.has_scores(cells):
        wanted = _levels(levels, coverage)
        margins, tracked = _margins(stream, places, cells, wanted, np.exp(log_scales))
        signed = outward_margins(margins, price=median, tails=wanted.sides)
        drawn = calibrated_band(median, scale, signed, tick=tick)
        values = drawn.take(wanted.asked, axis=-1)
        target = drawn.take(wanted.target, axis=-1)
    else:
        tracked = np.full((*median.shape, 2, len(TRACKED_TAILS)), np.nan)
        centre = median[..., None]
        values = np.clip(centre + config.cold_widening * (raw - centre), 0, 1)
        target = target_of(values, levels, coverage)
    inner, outer, served = tracked[:, :, 0], tracked[:, :, 1], ends_of(values, levels)
    rows = Rows(median, scale, base, features, inner, outer, ends, served, target)
    return Drawn(values, target, pack(rows), places)


def target_of(
    values: FloatArray, levels: tuple[float, ...], coverage: float
) -> FloatArray:
    """Return the two edges of the target of a band that nobody calibrated."""
    wanted = _target_levels(coverage)
    return np.clip(values_at_levels(values, known=levels, wanted=wanted), 0, 1)


def _margins(
    stream: Stream,
    places: Sequence[int],
    cells: IntArray,
    wanted: _Levels,
    own: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the margins of the levels and those of the tracked tails.

    Both have the shape (n_markets, horizon, 2, n): inner side, then outer side.
    """
    both = stream.margins(places, cells, wanted.tails) * own[:, :, None, None]
    return both.take(wanted.of_levels, axis=-1), both.take(wanted.of_tracked, axis=-1)
