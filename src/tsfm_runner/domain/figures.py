"""What a process has counted of its own work."""

from collections.abc import Mapping
from dataclasses import dataclass

from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.telling import CacheEvent, CallError


@dataclass(frozen=True, slots=True)
class Times:
    """How long half of the things measured took at most, and 95 % of them.

    None where nothing was measured.
    """

    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Calls of one runtime: how many, how many failed in which way, how long."""

    n: int
    errors: Mapping[CallError, int]
    times: Times


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts since the start, and times of lately.

    ``requests`` are those for forecasts by outcome, ``fallbacks`` forecasts by the
    reason why a baseline stood in, without those where none did. ``calls`` lacks
    runtimes that were never asked.
    """

    requests: Mapping[str, int]
    request_times: Times
    calls: Mapping[Rung, CallFigures]
    queue_times: Times
    mean_batch_size: float | None
    cache: Mapping[CacheEvent, int]
    forecasts: Mapping[str, int]
    fallbacks: Mapping[str, int]
    n_crossings: int
    n_outcomes: int
    followed: Mapping[str, int]
