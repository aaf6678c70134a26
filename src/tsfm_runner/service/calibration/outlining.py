"""What of a band is known before anything that was learned is asked."""

from typing import NamedTuple

from tsfm_runner.core.conformal.scale import reference_scale, scale_features
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.describing import (
    BAND_TAIL,
    Description,
    SegmentId,
)

_MEDIAN = 0.5


class Outline(NamedTuple):
    """Finished bands of a model, and what scales them; one row a market.

    Shapes are those of ``raw``, (n_markets, horizon, n_levels), without the levels;
    ``ends`` has the two edges of the 10/90 interval last, ``features`` what
    `scale_features` returns, and ``tick`` is one number a market.
    """

    segments: list[SegmentId]
    raw: FloatArray
    median: FloatArray
    ends: FloatArray
    base: FloatArray
    features: FloatArray
    tick: FloatArray

    def part(self, rows: slice) -> "Outline":
        """Return the outline of markets that stand together."""
        return Outline._make(column[rows] for column in self)


def outlined(
    raw: FloatArray, described: Description, levels: tuple[float, ...]
) -> Outline:
    """Return the outline of bands; 0.1, 0.5 and 0.9 are among their levels."""
    ends = ends_of(raw, levels)
    half_width = (ends[..., 1] - ends[..., 0]) / 2
    features = scale_features(
        price=described.price,
        mean_changes=described.mean_changes,
        rms=described.rms,
        n_changes=described.n_changes,
        half_width=half_width,
        reference=described.reference,
    )
    return Outline(
        described.segments,
        raw,
        raw[..., levels.index(_MEDIAN)],
        ends,
        reference_scale(half_width, described.reference),
        features,
        described.tick,
    )


def ends_of(values: FloatArray, levels: tuple[float, ...]) -> FloatArray:
    """Return the two edges of the 10/90 interval of bands at these levels."""
    places = [levels.index(BAND_TAIL), levels.index(1 - BAND_TAIL)]
    return values.take(places, axis=-1)
