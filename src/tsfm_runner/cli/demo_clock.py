"""The time of a demo: it stands while markets warm up, then runs faster than ours."""

import time

from tsfm_runner.ports import Clock


class DemoClock:
    """Epoch seconds that pass ``rate`` times as fast once it runs."""

    def __init__(
        self, now_s: float, *, rate: float, clock: Clock = time.monotonic
    ) -> None:
        """Stand at a moment; ``clock`` counts real seconds."""
        self._now_s, self._rate, self._clock = now_s, rate, clock
        self._since_s: float | None = None

    def __call__(self) -> float:
        """Return the moment in epoch seconds."""
        if self._since_s is None:
            return self._now_s
        return self._now_s + self._rate * (self._clock() - self._since_s)

    def stand_at(self, now_s: float) -> None:
        """Stand still at a moment."""
        self._now_s, self._since_s = now_s, None

    def run(self) -> None:
        """Go on from where it stands."""
        self._now_s, self._since_s = self(), self._clock()

    def wait_s(self, moment_s: float) -> float:
        """Return how many real seconds it takes until a moment; 0 if it is over."""
        return max(0.0, (moment_s - self()) / self._rate)
