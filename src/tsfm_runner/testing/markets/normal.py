"""The normal distribution function, without scipy."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_POLE = 0.3275911
_COEFFICIENTS = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


def normal_cdf(z: FloatArray) -> FloatArray:
    """Return the standard normal distribution function, right to 1e-7.

    Infinities are allowed. Abramowitz and Stegun (1964), formula 7.1.26.
    """
    x = np.minimum(np.abs(z), 40.0) / np.sqrt(2.0)
    t = 1.0 / (1.0 + _POLE * x)
    upper = 0.5 * np.polyval((*_COEFFICIENTS, 0.0), t) * np.exp(-x * x)
    return np.asarray(np.where(z > 0, 1.0 - upper, upper))


def normal_quantile(probability: FloatArray) -> FloatArray:
    """Return the standard normal quantile of probabilities inside (0, 1)."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(value) for value in probability])
