"""Draws the constants of rows from the ranges of their profiles."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.profiles import Profile, numbers_of
from tsfm_runner.testing.markets.traits import BoolArray, IntArray


class Draws:
    """Draws constants of rows whose profiles are known."""

    def __init__(
        self,
        profiles: Sequence[Profile],
        profile: IntArray,
        rng: np.random.Generator,
    ) -> None:
        """Take the prior, the profile of each row, and where chance comes from."""
        self._profiles, self._profile, self._rng = profiles, profile, rng

    def of(self, name: str) -> FloatArray:
        """Return a constant of each row's profile."""
        return numbers_of(self._profiles, name)[self._profile]

    def log_uniform(self, name: str) -> FloatArray:
        """Return a draw from a range."""
        low, high = self.of(name).T
        return np.asarray(np.exp(self._rng.uniform(np.log(low), np.log(high))))

    def uniform(self, name: str) -> FloatArray:
        """Return a draw from a spread."""
        low, high = self.of(name).T
        return np.asarray(self._rng.uniform(low, high))

    def some(self, share: str, name: str, *, otherwise: float) -> FloatArray:
        """Return a draw from a range for a share of the rows, else a constant."""
        return np.where(self.coin(share), self.log_uniform(name), otherwise)

    def phase(self) -> FloatArray:
        """Return a moment of the week, as a share of it."""
        return self._rng.random(self._profile.size)

    def memory(self, name: str) -> FloatArray:
        """Return the share that survives one step of what lasts a range of steps."""
        return 1 - 1 / self.log_uniform(name)

    def coin(self, name: str) -> BoolArray:
        """Return whether each row has what a share of them have."""
        return np.asarray(self._rng.random(self._profile.size) < self.of(name))


def log_uniform(
    low: float, high: float, n: int, rng: np.random.Generator
) -> FloatArray:
    """Return draws whose logarithms are uniform between the two ends."""
    return np.exp(rng.uniform(np.log(low), np.log(high), n))
