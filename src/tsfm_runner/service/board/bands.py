"""The interval of an answer, step by step, and where a price stands in it."""

import math
from typing import NamedTuple

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
    """The interval at the target coverage of one answer.

    ``lower``, ``upper`` and ``median`` have shape ``(horizon,)``.
    """

    cutoff_s: float
    step_s: int
    coverage: float
    lower: FloatArray
    median: FloatArray | None
    upper: FloatArray

    @classmethod
    def of(cls, served: ServedForecast) -> "IssuedBand":
        """Return the interval of an answer; it holds on to nothing else of it."""
        task, certificate = served.task, served.certificate
        levels = task.quantile_levels
        return cls(
            task.cutoff.timestamp(),
            task.freq.step_s,
            certificate.target_coverage,
            certificate.lower,
            served.values[:, levels.index(_MEDIAN)] if _MEDIAN in levels else None,
            certificate.upper,
        )

    def at(self, ts_s: float) -> BandStep | None:
        """Return the step that was drawn for a moment: the next one at or after it.

        None at its origin or before it, and beyond its horizon.
        """
        step = math.ceil((ts_s - self.cutoff_s) / self.step_s - _TOLERANCE)
        return self._step(step) if 1 <= step <= self.lower.size else None

    @property
    def last(self) -> BandStep:
        """The step that is farthest ahead."""
        return self._step(self.lower.size)

    def _step(self, step: int) -> BandStep:
        return BandStep(
            self.cutoff_s,
            step,
            self.cutoff_s + step * self.step_s,
            self.coverage,
            float(self.lower[step - 1]),
            None if self.median is None else float(self.median[step - 1]),
            float(self.upper[step - 1]),
        )
