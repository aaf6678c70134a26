"""Margins that were computed, until something is learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray

_MOST_KEPT = 2_000_000  # numbers: 16 MB


@dataclass(slots=True, eq=False)
class KeptMargins:
    """Margins of the two sides, by horizon and tails wanted, then by segment."""

    _kept: dict[tuple[int, tuple[float, ...]], dict[int, FloatArray]] = field(
        default_factory=dict
    )

    def of(
        self,
        places: Sequence[int],
        horizon: int,
        wanted: tuple[float, ...],
        compute: Callable[[IntArray], FloatArray],
    ) -> FloatArray:
        """Return the margins of segments; ``compute`` finds those of new ones.

        The shape is (n_places, horizon, 2, n_wanted).
        """
        if self._n_numbers > _MOST_KEPT:
            self.clear()
        kept = self._kept.setdefault((horizon, wanted), {})
        new = [place for place in dict.fromkeys(places) if place not in kept]
        if new:
            kept.update(zip(new, compute(np.array(new)), strict=True))
        return np.array([kept[place] for place in places])

    @property
    def _n_numbers(self) -> int:
        return sum(
            len(rows) * 2 * horizon * len(wanted)
            for (horizon, wanted), rows in self._kept.items()
        )

    def clear(self) -> None:
        """Forget all: something was learned."""
        self._kept.clear()
