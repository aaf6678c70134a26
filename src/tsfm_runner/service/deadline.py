"""How much of a request's time is left."""

from dataclasses import dataclass

from tsfm_runner.ports import Clock


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the clock that everything done for a request must respect."""

    clock: Clock
    expires_at_s: float

    def remaining_s(self) -> float:
        """Return the seconds that are left; negative when it has passed."""
        return self.expires_at_s - self.clock()
