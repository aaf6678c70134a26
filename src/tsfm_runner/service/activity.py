"""Who is at work at this moment, and may still come along."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Activity:
    """How many requests are at work and do not wait for a runtime."""

    n_busy: int = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Do not count a request in this block, where it waits."""
        self.n_busy -= 1
        try:
            yield
        finally:
            self.n_busy += 1
