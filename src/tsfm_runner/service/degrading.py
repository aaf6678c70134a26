"""How much is still asked of a runtime that fails often, whatever the family."""

from collections.abc import Callable

from tsfm_runner.config import DegradationConfig
from tsfm_runner.domain.forecast import RuntimeMode
from tsfm_runner.ports import Clock
from tsfm_runner.service.breaking import Outcomes, Permit

# A runtime that is well again must not wait until all its failures are forgotten.
_PROBES_REMEMBERED = 2


class Degradation:
    """Normal, degraded (less is asked) or baseline only (probes alone are sent).

    Each mode is entered at a higher ratio of failed calls than it is left at, and
    each begins its count anew.
    """

    def __init__(
        self,
        config: DegradationConfig,
        clock: Clock,
        tell: Callable[[RuntimeMode], None],
    ) -> None:
        """Start normal; ``tell`` is called with each mode that is entered."""
        self._config = config
        self._clock = clock
        self._tell = tell
        self._mode: RuntimeMode = "normal"
        self._era = 0
        self._outcomes = Outcomes(config.window_s, clock)
        self._next_probe_s = 0.0

    @property
    def mode(self) -> RuntimeMode:
        """The mode now."""
        return self._mode

    @property
    def is_askable(self) -> bool:
        """Whether a call may be made now, be it as a probe."""
        return self._mode != "baseline_only" or self._clock() >= self._next_probe_s

    def admit(self) -> Permit:
        """Let one call through; as a probe it is the only one for a while."""
        if self._mode == "baseline_only":
            self._next_probe_s = self._clock() + self._config.probe_interval_s
        return self._era

    def settle(self, permit: Permit, *, is_failure: bool | None) -> None:
        """Say how a call ended; None says nothing about the runtime.

        What was let through in an earlier mode no longer counts: it is no probe.
        """
        if permit != self._era or is_failure is None:
            return
        self._outcomes.add(is_failure=is_failure)
        config = self._config
        if self._mode == "baseline_only":
            ratio = self._outcomes.failure_ratio(min_calls=1)
            if ratio is not None and ratio < config.resume_below:
                self._enter("degraded")
            return
        ratio = self._outcomes.failure_ratio(min_calls=config.min_calls)
        if ratio is None:
            return
        if ratio >= config.baseline_only_above:
            self._enter("baseline_only")
        elif self._mode == "normal" and ratio >= config.degrade_above:
            self._enter("degraded")
        elif self._mode == "degraded" and ratio < config.restore_below:
            self._enter("normal")

    def _enter(self, mode: RuntimeMode) -> None:
        self._mode = mode
        self._era += 1
        probing_s = _PROBES_REMEMBERED * self._config.probe_interval_s
        window_s = probing_s if mode == "baseline_only" else self._config.window_s
        self._outcomes = Outcomes(window_s, self._clock)
        self._next_probe_s = self._clock() + self._config.probe_interval_s
        self._tell(mode)
