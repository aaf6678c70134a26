"""Who is at work at this moment, and may still come along."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Activity:
    """How many requests are at work and do not wait for a runtime."""

    def __init__(self) -> None:
        """Start with nobody at work."""
        self._n_busy = 0
        self._when_idle: list[Callable[[], None]] = []

    @property
    def is_idle(self) -> bool:
        """Whether all who are here wait for a runtime."""
        return self._n_busy == 0

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Call this each time that nobody is at work any more."""
        self._when_idle.append(callback)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a request in this block as at work."""
        self._n_busy += 1
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Do not count a request in this block, where it waits."""
        self._leave()
        try:
            yield
        finally:
            self._n_busy += 1

    def _leave(self) -> None:
        self._n_busy -= 1
        if self._n_busy == 0:
            for callback in self._when_idle:
                callback()
