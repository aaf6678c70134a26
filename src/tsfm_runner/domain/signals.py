"""A price that has left its normal range, from when it did until what came of it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["moderate", "severe", "extreme"]
Direction: TypeAlias = Literal["up", "down"]
SignalPhase: TypeAlias = Literal["opened", "escalated", "closed", "followed"]
CloseReason: TypeAlias = Literal["recovered", "turned", "market_closed", "stale"]

SEVERITIES: tuple[Severity, ...] = ("moderate", "severe", "extreme")


@dataclass(frozen=True, slots=True)
class BreachedBand:
    """The band that the price has left, at the step that ended with this price.

    ``lower`` and ``upper`` are the edges of the 10/90 interval as it was published,
    whose ``coverage`` is 0.8; prices.
    ``step`` counts from 1, in steps of ``step_s`` after ``issued_at_s``.
    """

    issued_at_s: float
    step: int
    step_s: int
    coverage: float
    lower: float
    median: float
    upper: float
    model_name: str
    model_version: str
    segment: str


@dataclass(frozen=True, slots=True)
class FollowThrough:
    """Whether the price went on the way it had broken out.

    ``largest_move`` is the farthest that it went beyond the price that opened the
    signal, in that direction, not negative. ``has_followed`` is None where too few
    prices came to say that it did not.
    """

    has_followed: bool | None
    largest_move: float
    decided_at_s: float


@dataclass(frozen=True, slots=True)
class BreachSignal:
    """One thing that happened to one breach, and the breach as it stood then.

    Attributes
    ----------
    id : int
        Ascending, unique in one ledger; one for each thing that happened.
    dedupe_key : str
        The same for everything that happens to one breach, and for nothing else; made
        of market, direction and when it opened, so a replay finds the same one.
    ts_s, price : float
        The price that this tells of, and its time (epoch seconds). For `closed`
        without a new price, the last one known.
    opened_at_s, opened_price : float
        The price that opened the breach, and its time.
    p_value : float
        Conformal: the share of the segment's scores at least as large as that of the
        price against ``band``; the smallest while the breach is open.
    q_value : float
        At the price that opened the breach: the share of false alarms among the
        markets of its cycle that were at least as unlikely (Benjamini and Hochberg).
    n_steps : int
        Prices in a row outside, with this one.
    severity : Severity
        The highest that was reached.
    follow_through : FollowThrough or None
        None until it is decided.

    """

    id: int
    dedupe_key: str
    market_id: str
    event_id: str | None
    phase: SignalPhase
    severity: Severity
    direction: Direction
    opened_at_s: float
    opened_price: float
    ts_s: float
    price: float
    p_value: float
    q_value: float
    n_steps: int
    band: BreachedBand
    recorded_at_s: float
    closed_at_s: float | None = None
    close_reason: CloseReason | None = None
    follow_through: FollowThrough | None = None

    @property
    def is_open(self) -> bool:
        """Whether the price is still outside."""
        return self.closed_at_s is None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the newest price of a market stands to the band that was issued for it.

    ``band`` is the one that the price is least likely in; ``p_value`` as in
    `BreachSignal`, 1 for a price on the median. ``n_steps`` counts prices in a row
    outside, 0 inside.
    """

    market_id: str
    ts_s: float
    price: float
    p_value: float
    n_steps: int
    band: BreachedBand


@dataclass(frozen=True, slots=True)
class BreachQuery:
    """Which breaches are asked for; None: all.

    ``since_s`` is compared with the time of the newest thing that happened to a
    breach; ``before_id`` leaves out those whose newest id is not smaller. With
    ``as_of_id`` breaches are as they stood when that was the newest id of all.
    """

    since_s: float | None = None
    severities: frozenset[Severity] | None = None
    market_id: str | None = None
    is_open: bool | None = None
    before_id: int | None = None
    as_of_id: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class DeliveryEntry:
    """Up to which signal an endpoint has been told everything; for the ledger."""

    endpoint: str
    last_signal_id: int
    recorded_at_s: float
