"""What a new installation knows of a model before anything has happened."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import N_BINS
from tsfm_runner.domain.task import FloatArray


class Prior(NamedTuple):
    """The distribution of scores and the weights of the scale, by cell of steps.

    ``precision`` is how firmly the weights are known, for one score.
    """

    shares: FloatArray
    weights: FloatArray
    precision: FloatArray

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Prior":
        """Read a prior from plain lists; raise ``ValueError`` where shapes differ."""
        shares, weights, precision = (
            np.asarray(mapping[name], dtype=np.float64) for name in cls._fields
        )
        n_cells = len(shares)
        if (
            shares.shape != (n_cells, N_BINS)
            or weights.shape != (n_cells, N_FEATURES)
            or precision.shape != (n_cells, N_FEATURES, N_FEATURES)
        ):
            raise ValueError("the parts of a prior do not fit together")
        return cls(shares, weights, precision)

    def resized(self, n_cells: int) -> "Prior":
        """Return the prior for so many cells; those beyond its own are like its last.

        A step that was never looked at is most like the longest that was.
        """
        places = np.minimum(np.arange(n_cells), len(self.shares) - 1)
        return Prior(self.shares[places], self.weights[places], self.precision[places])

    @classmethod
    def none(cls) -> "Prior":
        """Return what is known of a model without a prior: nothing, at weights of 0."""
        return cls(
            np.zeros((1, N_BINS)),
            np.zeros((1, N_FEATURES)),
            np.zeros((1, N_FEATURES, N_FEATURES)),
        )
