"""What open streams share: how many there may be, and what is told to all alike."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from anyio import BrokenResourceError

from tsfm_runner.api.problems import ProblemError, too_many_streams
from tsfm_runner.api.runtime_schemas import RuntimeStatus
from tsfm_runner.ports import Clock
from tsfm_runner.service.backend import Backend

RUNTIME_INTERVAL_S = 2.0


def is_reader_gone(failure: Exception) -> bool:
    """Whether nothing but that has failed a stream: its reader went while it told.

    FastAPI's tasks raise this where the answer ends between the two of them.
    """
    if isinstance(failure, ExceptionGroup):
        return all(map(is_reader_gone, failure.exceptions))
    return isinstance(failure, BrokenResourceError)


class Streams:
    """Counts open streams, and lets no more be open than may."""

    def __init__(self, max_open: int) -> None:
        """Let so many be open at a time."""
        self._max_open = max_open
        self.n_open = 0

    @contextmanager
    def place(self) -> Generator[None]:
        """Count one stream to the end of the block.

        Raises ``ProblemError`` for one too many.
        """
        if self.n_open >= self._max_open:
            raise ProblemError(too_many_streams(self._max_open))
        self.n_open += 1
        try:
            yield
        finally:
            self.n_open -= 1


class LatelyTold:
    """How the process is, looked up once for all streams."""

    def __init__(
        self, look_up: Callable[[Backend], Awaitable[RuntimeStatus]], clock: Clock
    ) -> None:
        """Have looked up nothing yet."""
        self._look_up, self._clock = look_up, clock
        self._status: RuntimeStatus | None = None
        self._until_s = clock()

    async def status(self, backend: Backend) -> RuntimeStatus:
        """Return how the process is, or was a moment ago."""
        if self._status is None or self._clock() >= self._until_s:
            self._until_s = self._clock() + RUNTIME_INTERVAL_S
            self._status = await self._look_up(backend)
        return self._status
