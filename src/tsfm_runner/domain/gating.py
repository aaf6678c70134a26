"""What a gate reads of a running service, and what it decides."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

Decision: TypeAlias = Literal["PASS", "WAIT", "ROLLBACK"]
FigureState: TypeAlias = Literal["holds", "unsure", "above", "broken", "unknown"]


class Stage(StrEnum):
    """How far a model is rolled out."""

    CANARY_5 = "canary_5"
    CANARY_25 = "canary_25"
    FULL_100 = "full_100"

    @property
    def rollout_percent(self) -> float:
        """The share of markets that may reach a model at this stage."""
        return _PERCENTS[self]


_PERCENTS = {Stage.CANARY_5: 5.0, Stage.CANARY_25: 25.0, Stage.FULL_100: 100.0}


class CoverageCounts(NamedTuple):
    """How the target intervals of models' bands have done since ever: counts.

    ``n_effective`` is how many independent outcomes they are worth, as those of one
    event move together; None where that cannot be told yet.
    """

    target: float
    n: float
    n_closed: float
    n_open: float
    n_effective: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a service told at one moment: counts since it started.

    Attributes
    ----------
    time_s, started_at_s : float
        Epoch seconds, of the reading by the reader's clock, and of when the counts
        began by the service's.
    rollout_percent : float
        Share of markets that may reach a model.
    n_requests, n_errors : float
        Forecast requests that were no fault of the caller's, and those among them
        that ended with 500 or 503.
    n_forecasts, n_fallbacks, n_invalid : float
        Forecasts meant for a model and not kept ones; those that it did not answer;
        those among them for which there was an answer, but no band.
    n_timed, durations : float, and tuple of (float, float)
        Those of the forecasts that were asked for alone; upper bounds in seconds,
        ascending, and how many of them took no longer.
    breaker_open_s : float
        Time in which breakers let nothing through, added up.

    """

    time_s: float
    started_at_s: float
    rollout_percent: float
    n_requests: float
    n_errors: float
    n_forecasts: float
    n_fallbacks: float
    n_invalid: float
    n_timed: float
    durations: tuple[tuple[float, float], ...]
    breaker_open_s: float
    coverage: CoverageCounts


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a window, and how it stands to its limit.

    ``low`` and ``high`` bound what lies behind it, where it was counted. ``n`` is
    what it was counted over. A figure is ``above`` its limit while that may be
    chance, ``broken`` beyond doubt, ``unsure`` while too little was counted, and
    ``unknown`` where there was nothing to count and nothing is asked for.
    """

    name: str
    state: FigureState
    value: float | None
    limit: float
    n: float
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The time since the stage began, or since a limit was broken.

    ``seen_s`` is how much of it was looked at, of ``needed_s``; ``broken`` names the
    figures whose limits were broken then.
    """

    began_at_s: float
    seen_s: float
    needed_s: float
    n_readings: int
    n_restarts: int
    broken_at_s: float | None
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateRuling:
    """What the gate says, of which stage, when, and why."""

    stage: Stage
    decision: Decision
    reasons: tuple[str, ...]
    time_s: float
    window: Window
    figures: tuple[Figure, ...]
