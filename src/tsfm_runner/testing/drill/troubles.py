"""What can go wrong in a drill, and what is laid down for each such trouble."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import FallbackReason as Why
from tsfm_runner.testing.drill.checking import Checked, Rules
from tsfm_runner.testing.drill.clock import JumpingClock
from tsfm_runner.testing.drill.daemon import Daemon

# What answers say while a runtime that is down is spared, or too slow for them.
SPARED = frozenset({Why.BREAKER_OPEN, Why.DEGRADED, Why.DEADLINE_EXCEEDED})


class Trouble(StrEnum):
    """What can go wrong; faults of the double have the names that they have there."""

    LATENCY = "latency"
    HANG = "hang"
    SLOW_DRIP = "slow_drip"
    INTERNAL = "500"
    UNAVAILABLE = "503"
    RATE_LIMITED = "429"
    DROP = "drop"
    FORECAST_ERROR = "502_forecast_error"
    NOT_JSON = "not_json"
    NAN = "nan"
    SHORT = "short"
    MISSING_QUANTILE = "missing_quantile"
    THIN = "thin"
    CROSSING = "crossing"
    OUT_OF_RANGE = "out_of_range"
    REORDER = "reorder"
    KILLED = "killed"
    STOPPED = "stopped"
    CLOCK_JUMP = "clock_jump"
    STALE = "stale"
    OVERLOAD = "overload"
    TURNED_AWAY = "turned_away"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a trouble can lay hands on."""

    daemon: Daemon
    clock: JumpingClock
    settings: Settings


Act = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """One trouble, and what answers may say in it.

    At least one answer shows the trouble by ``trace``, or it was not there at all.
    It begins before the first request, or with the requests of ``struck_wave`` on
    their way. An outage is one that opens the breaker; it outlasts the cool-down.
    """

    trouble: Trouble
    strike: Act
    mend: Act
    rules: Rules
    trace: Callable[[Checked], bool]
    is_outage: bool = False
    struck_wave: int | None = None
    is_crowd: bool = False
    repeats: bool = False

    @property
    def rules_afterwards(self) -> Rules:
        """What answers may say once the trouble is over."""
        reasons = self.rules.reasons | (SPARED if self.is_outage else set())
        return replace(self.rules, reasons=reasons, may_be_model=True)
