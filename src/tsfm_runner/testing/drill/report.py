"""What was answered in one phase, and whether it is good enough."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tsfm_runner.testing.drill.checking import Checked
from tsfm_runner.testing.drill.troubles import Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseReport:
    """One trouble: the answers during it and after it, and how it was overcome.

    ``recovery_s``: from the end of the trouble to a model's band; None: none came.
    ``is_well``: at last a whole wave was answered by models, the breaker closed.
    """

    trouble: Trouble
    during: Sequence[Checked]
    after: Sequence[Checked]
    has_trace: bool
    recovery_s: float | None
    recovery_limit_s: float
    is_well: bool

    @property
    def answers(self) -> list[Checked]:
        """Every answer of the phase; those that did not come are among them."""
        return [*self.during, *self.after]

    @property
    def n_answers(self) -> int:
        """How many answers came."""
        return sum(one.is_answer for one in self.answers)

    @property
    def n_valid_bands(self) -> int:
        """How many of them are bands with which nothing is wrong."""
        return sum(one.is_valid_band for one in self.answers)

    @property
    def outcomes(self) -> Counter[str]:
        """How many were answered by whom, or for which reason not by a model."""
        return Counter(answer.outcome for answer in self.during)

    @property
    def failures(self) -> list[str]:
        """Everything that must not be; nothing: the phase was passed."""
        defects = Counter(what for one in self.answers for what in one.defects)
        counted = (f"{what} ({number} times)" for what, number in defects.items())
        return [*counted, *self._shortcomings()]

    def latency_ms(self, percentile: float) -> float:
        """Return how long an answer took while the trouble lasted."""
        return float(np.percentile([one.latency_ms for one in self.during], percentile))

    def _shortcomings(self) -> Iterator[str]:
        if not self.has_trace:
            yield "no answer shows that anything was wrong"
        if self.recovery_s is None:
            yield "no model answered after it was over"
        elif self.recovery_s > self.recovery_limit_s:
            yield f"recovered only after {self.recovery_s:.1f} s"
        if not self.is_well:
            yield "did not come back to answers by models alone"
