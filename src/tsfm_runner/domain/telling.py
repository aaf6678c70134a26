"""What is told of a process at work: one frozen word for each thing that happened."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tsfm_runner.domain.forecast import Rung

CacheEvent: TypeAlias = Literal["hit", "miss", "join", "stale"]
CallError: TypeAlias = Literal["unavailable", "timeout", "refused", "protocol"]


@dataclass(frozen=True, slots=True)
class RuntimeCall:
    """One call of a runtime that has ended; ``error`` is None when it was answered.

    ``request_ids`` are those of the requests that shared it, between commas.
    """

    runtime: Rung
    model_name: str
    n_series: int
    duration_s: float
    error: CallError | None
    request_ids: str = ""


@dataclass(frozen=True, slots=True)
class Breaches:
    """Outcomes outside bands that were served.

    A moderate one left the 10/90 interval only, a severe one that at the target
    coverage. ``n_served`` are all outcomes of such bands.
    """

    n_moderate: int
    n_severe: int
    n_served: int
