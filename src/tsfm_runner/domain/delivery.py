"""What it came to that an endpoint was told of signals."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tsfm_runner.domain.signals import BreachSignal

DeliveryOutcome: TypeAlias = Literal["delivered", "retried", "dead"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of signals that were posted together.

    ``n_attempts`` counts the posts of the first of them, with this one. ``error`` is
    None for those that were delivered.
    """

    endpoint: str
    outcome: DeliveryOutcome
    n_signals: int
    n_attempts: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A signal that will not be posted again, and why.

    ``status`` is that of the last answer, None where there was none. ``payload`` is
    the JSON that was posted, without what other signals it went with.
    """

    endpoint: str
    signal: BreachSignal
    reason: str
    status: int | None
    n_attempts: int
    died_at_s: float
    payload: object


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How one endpoint is doing.

    ``n_waiting`` counts the signals that it was not told of yet, as far as was looked,
    and ``lag_s`` is the age of the oldest of them.
    ``last_error`` is why signals were not delivered, until some are again.
    """

    name: str
    is_failing: bool
    n_waiting: int
    lag_s: float
    last_error: str | None
    dead_letters: int
