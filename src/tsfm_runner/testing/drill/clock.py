"""A clock that can be put ahead."""

import time


class JumpingClock:
    """The monotonic clock of this machine, and what it was put ahead by."""

    def __init__(self) -> None:
        """Start with the true time."""
        self._ahead_s = 0.0

    def __call__(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic() + self._ahead_s

    def jump(self, duration_s: float) -> None:
        """Put the clock ahead, from one reading to the next."""
        self._ahead_s += duration_s
