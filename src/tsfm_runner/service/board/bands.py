"""The interval of an answer, step by step, and where a price stands in it."""

import math
from datetime import datetime
from typing import NamedTuple

from tsfm_runner.domain.calibration import Certificate
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import FloatArray

_MEDIAN = 0.5
_TOLERANCE = 1e-9


class BandStep(NamedTuple):
    """The interval at one step of a band; ``step`` counts from 1.

    ``median`` is None where the level 0.5 was not asked for.
    """

    issued_at_s: float
    step: int
    ts_s: float
    coverage: float
    lower: float
    median: float | None
    upper: float

    def position_of(self, price: float) -> float:
        """Return where a price stands: 0 on the lower edge, 1 on the upper one."""
        width = max(self.upper - self.lower, _TOLERANCE)
        return (price - self.lower) / width

    def is_left_by(self, price: float) -> bool:
        """Whether a price is outside; one on an edge is not."""
        return not self.lower - _TOLERANCE <= price <= self.upper + _TOLERANCE


class IssuedBand(NamedTuple):
    """The interval at the target coverage of one answer, which may be gone itself.

    ``values`` has shape ``(horizon, n_levels)``. It is made with each answer, so what
    can be worked out of it later is worked out later.
    """

    cutoff: datetime
    step_s: int
    quantile_levels: tuple[float, ...]
    values: FloatArray
    certificate: Certificate

    @classmethod
    def of(cls, served: ServedForecast) -> "IssuedBand":
        """Return the interval of an answer; it holds on to no series."""
        task = served.task
        return cls(
            task.cutoff,
            task.freq.step_s,
            task.quantile_levels,
            served.values,
            served.certificate,
        )

    @property
    def cutoff_s(self) -> float:
        """Its origin, in epoch seconds."""
        return self.cutoff.timestamp()

    def at(self, ts_s: float) -> BandStep | None:
        """Return the step that was drawn for a moment: the next one at or after it.

        None at its origin or before it, and beyond its horizon.
        """
        step = math.ceil((ts_s - self.cutoff_s) / self.step_s - _TOLERANCE)
        return self._step(step) if 1 <= step <= len(self.values) else None

    @property
    def last(self) -> BandStep:
        """The step that is farthest ahead."""
        return self._step(len(self.values))

    def _step(self, step: int) -> BandStep:
        cutoff_s, levels, row = self.cutoff_s, self.quantile_levels, step - 1
        median = None
        if _MEDIAN in levels:
            median = float(self.values[row, levels.index(_MEDIAN)])
        return BandStep(
            cutoff_s,
            step,
            cutoff_s + step * self.step_s,
            self.certificate.target_coverage,
            float(self.certificate.lower[row]),
            median,
            float(self.certificate.upper[row]),
        )
