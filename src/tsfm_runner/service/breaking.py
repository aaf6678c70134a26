"""The breaker before one model family of a runtime: leave alone what is down."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tsfm_runner.config import BreakerConfig
from tsfm_runner.domain.forecast import BreakerState
from tsfm_runner.ports import Clock

Permit = int


@dataclass(slots=True)
class Outcomes:
    """How the calls of a sliding window of time ended."""

    window_s: float
    clock: Clock
    _ends: deque[tuple[float, bool]] = field(default_factory=deque)
    _n_failures: int = 0

    def add(self, *, is_failure: bool) -> None:
        """Add a call that ended just now."""
        self._ends.append((self.clock(), is_failure))
        self._n_failures += is_failure

    def failure_ratio(self, *, min_calls: int) -> float | None:
        """Return the share of failed calls, or None when there were too few."""
        oldest_s = self.clock() - self.window_s
        while self._ends and self._ends[0][0] <= oldest_s:
            self._n_failures -= self._ends.popleft()[1]
        if len(self._ends) < min_calls:
            return None
        return self._n_failures / len(self._ends)


class Breaker:
    """Closed, it lets calls through; open, none; half open, a few probes.

    It opens after some failures in a row, or when a large share of the calls in a
    window of time failed. After the cool-down probes are let through: when all
    have succeeded it closes, and with the first that fails it opens again.

    References
    ----------
    Nygard (2018), Release It!, 2nd edition, section 5.2.

    """

    def __init__(
        self,
        config: BreakerConfig,
        clock: Clock,
        tell: Callable[[BreakerState], None],
    ) -> None:
        """Start closed; ``tell`` is called with each state that is entered."""
        self._config = config
        self._clock = clock
        self._tell = tell
        self._state: BreakerState = "closed"
        self._era = 0
        self._opened_at_s = 0.0
        self._n_openings = 0
        self._failures_in_row = 0
        self._outcomes = Outcomes(config.window_s, clock)
        self._probes_out = 0
        self._probes_passed = 0

    @property
    def state(self) -> BreakerState:
        """The state now; an open breaker that has cooled down is half open."""
        if self._state == "open":
            cooled_s = self._clock() - self._opened_at_s
            if cooled_s >= self._config.cooldown_s:
                self._enter("half_open")
        return self._state

    @property
    def open_s(self) -> float:
        """Seconds in which it let nothing through, since it was made.

        An open one that has cooled down stops nobody, even where nobody asks.
        """
        left_s = 0.0
        if self._state == "open":
            cooled_s = self._clock() - self._opened_at_s
            left_s = max(0.0, self._config.cooldown_s - cooled_s)
        return self._n_openings * self._config.cooldown_s - left_s

    @property
    def is_passable(self) -> bool:
        """Whether a call would be let through now."""
        state = self.state
        if state == "half_open":
            return self._probes_out + self._probes_passed < self._config.probes
        return state == "closed"

    def admit(self) -> Permit:
        """Let one call through, which `is_passable` allowed; settle it at its end."""
        if self._state == "half_open":
            self._probes_out += 1
        return self._era

    def settle(self, permit: Permit, *, is_failure: bool | None) -> None:
        """Say how a call ended; None says nothing about the runtime.

        What was let through in an earlier state no longer counts.
        """
        if permit != self._era:
            return
        if self._state == "half_open":
            self._settle_probe(is_failure)
        elif is_failure is not None:
            self._settle_call(is_failure=is_failure)

    def _settle_probe(self, is_failure: bool | None) -> None:  # noqa: FBT001 - tri-state
        self._probes_out -= 1
        if is_failure:
            self._enter("open")
        elif is_failure is not None:
            self._probes_passed += 1
            if self._probes_passed >= self._config.probes:
                self._enter("closed")

    def _settle_call(self, *, is_failure: bool) -> None:
        self._outcomes.add(is_failure=is_failure)
        self._failures_in_row = self._failures_in_row + 1 if is_failure else 0
        ratio = self._outcomes.failure_ratio(min_calls=self._config.min_calls)
        is_often = ratio is not None and ratio >= self._config.failure_ratio
        if is_failure and (
            is_often or self._failures_in_row >= self._config.max_failures
        ):
            self._enter("open")

    def _enter(self, state: BreakerState) -> None:
        self._state = state
        self._era += 1
        self._opened_at_s = self._clock()
        self._n_openings += state == "open"
        self._failures_in_row = 0
        self._outcomes = Outcomes(self._config.window_s, self._clock)
        self._probes_out = self._probes_passed = 0
        self._tell(state)
