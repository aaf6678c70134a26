"""The drifts that were found lately, and who is told of them."""

from collections import deque
from collections.abc import Callable, Iterator

from tsfm_runner.domain.calibration import Drift
from tsfm_runner.ports import Clock
from tsfm_runner.service.feed import DriftTold

_MAX_KEPT = 200


class Drifts:
    """Keeps the last 200 drifts, with the time when each was found."""

    def __init__(self, wall_clock: Clock) -> None:
        """Start with none, and nobody who listens."""
        self._wall_clock = wall_clock
        self._kept: deque[DriftTold] = deque(maxlen=_MAX_KEPT)
        self._when_found: list[Callable[[Drift, float], None]] = []

    def __iter__(self) -> Iterator[DriftTold]:
        """Yield them, the newest first."""
        return reversed(self._kept)

    def when_found(self, callback: Callable[[Drift, float], None]) -> None:
        """Call this with each drift that is found, and the time."""
        self._when_found.append(callback)

    def add(self, drift: Drift) -> None:
        """Keep a drift that was found just now; the oldest leaves."""
        at_s = self._wall_clock()
        self._kept.append(DriftTold(drift, at_s))
        for callback in self._when_found:
            callback(drift, at_s)
