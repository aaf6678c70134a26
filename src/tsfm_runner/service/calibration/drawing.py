"""Draw calibrated bands: many markets of one stream at once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.conformal.band import calibrated_band, outward_margins
from tsfm_runner.core.conformal.cells import cell_of
from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.scale import (
    learned_scale,
    reference_scale,
    scale_features,
)
from tsfm_runner.core.levels import values_at_levels
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.calibration.describing import BAND_TAIL, Description
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
    of_levels: list[int]
    of_tracked: list[int]
    sides: FloatArray
    asked: list[int]
    target: list[int]


@lru_cache(maxsize=256)
def _levels(asked: tuple[float, ...], target_coverage: float) -> _Levels:
    target = _target_levels(target_coverage)
    drawn = sorted({round(level, _LEVEL_DECIMALS) for level in (*asked, *target)})
    places = {level: place for place, level in enumerate(drawn)}

    def find(levels: tuple[float, ...]) -> list[int]:
        return [places[round(level, _LEVEL_DECIMALS)] for level in levels]

    of_levels = [round(min(level, 1 - level), _LEVEL_DECIMALS) for level in drawn]
    tails = sorted({*of_levels, *TRACKED_TAILS})
    return _Levels(
        tuple(tails),
        [tails.index(tail) for tail in of_levels],
        [tails.index(tail) for tail in TRACKED_TAILS],
        np.array(drawn) - _MEDIAN,
        find(asked),
        find(target),
    )


def _target_levels(coverage: float) -> tuple[float, float]:
    outside = (1 - coverage) / 2
    return outside, 1 - outside


def draw(
    stream: Stream,
    raw: FloatArray,
    described: Description,
    log_scales: FloatArray,
    levels: tuple[float, ...],
) -> Drawn:
    """Return the calibrated bands of markets, and what scoring them needs.

    Parameters
    ----------
    raw : (n_markets, horizon, n_levels) array
        Finished bands of the model; 0.1, 0.5 and 0.9 are among the levels.
    log_scales : (n_markets, horizon) array
        Each market's own scale, as a logarithm.

    """
    config = stream.config
    cells = cell_of(np.arange(1, raw.shape[1] + 1))
    places = [stream.place(segment) for segment in described.segments]
    stream.reach(int(cells[-1]) + 1)
    median = raw[..., levels.index(_MEDIAN)]
    ends = [levels.index(BAND_TAIL), levels.index(1 - BAND_TAIL)]
    rows = _scaled(stream, raw[..., ends], median, described, cells)
    coverage = config.target_coverage
    if stream.has_scores(cells):
        wanted = _levels(levels, coverage)
        margins, tracked = _margins(stream, places, cells, wanted, np.exp(log_scales))
        signed = outward_margins(margins, price=median, tails=wanted.sides)
        drawn = calibrated_band(median, rows.scale, signed, tick=described.tick)
        values, target = drawn[..., wanted.asked], drawn[..., wanted.target]
    else:
        tracked = np.full((*median.shape, 2, len(TRACKED_TAILS)), np.nan)
        centre = median[..., None]
        values = np.clip(centre + config.cold_widening * (raw - centre), 0, 1)
        target = target_of(values, levels, coverage)
    full = rows._replace(
        inner=tracked[:, :, 0],
        outer=tracked[:, :, 1],
        served=values[..., ends],
        target=target,
    )
    return Drawn(values, target, pack(full), places)


def target_of(
    values: FloatArray, levels: tuple[float, ...], coverage: float
) -> FloatArray:
    """Return the two edges of the target of a band that nobody calibrated."""
    wanted = _target_levels(coverage)
    return np.clip(values_at_levels(values, known=levels, wanted=wanted), 0, 1)


def _scaled(
    stream: Stream,
    ends: FloatArray,
    median: FloatArray,
    described: Description,
    cells: IntArray,
) -> Rows:
    """Return the rows with median, scale and features; margins and edges are empty."""
    half_width = (ends[..., 1] - ends[..., 0]) / 2
    base = reference_scale(half_width, described.reference)
    features = scale_features(
        price=described.price,
        mean_changes=described.mean_changes,
        rms=described.rms,
        n_changes=described.n_changes,
        half_width=half_width,
        reference=described.reference,
    )
    scale = learned_scale(base, features, stream.cell.weights[cells])
    nothing = np.empty((*median.shape, 0))
    return Rows(median, scale, base, features, nothing, nothing, ends, nothing, nothing)


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
    return both[..., wanted.of_levels], both[..., wanted.of_tracked]
