"""The words of the wire about breaches."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from tsfm_runner.api.answers import moment_text
from tsfm_runner.api.ledger_schemas import QueryModel, QueryTime
from tsfm_runner.api.paging import places_of
from tsfm_runner.api.wire_types import Name
from tsfm_runner.domain.frequency import step_text
from tsfm_runner.domain.signals import (
    SEVERITIES,
    BreachedBand,
    BreachSignal,
    CloseReason,
    Direction,
    FollowThrough,
    Severity,
    SignalPhase,
)

MAX_BREACHES = 500
_SEVERITY = "|".join(SEVERITIES)
_DECIMALS = 6
N_PLACES = 2
"""Of a cursor: which id was the newest on the first page, and where the last ended."""


def _severities(text: str) -> str:
    if not set(text.split(",")) <= set(SEVERITIES):
        raise ValueError(f"must name some of {', '.join(SEVERITIES)}, by commas")
    return text


def _breach_cursor(cursor: str) -> str:
    places_of(cursor, N_PLACES)
    return cursor


class BreachesQuery(QueryModel):
    """Which breaches are asked for."""

    since: QueryTime | None = None
    """Only those of which the newest price, `ts`, is of this time or later."""
    severity: (
        Annotated[
            str,
            AfterValidator(_severities),
            WithJsonSchema(
                {"type": "string", "pattern": f"^({_SEVERITY})(,({_SEVERITY}))*$"}
            ),
        ]
        | None
    ) = None
    """How severe they became, by commas, as `severe,extreme`."""
    market_id: Name | None = None
    """Only those of this market."""
    is_open: Literal["true", "false"] | None = Field(default=None, alias="open")
    """Whether the price is still outside."""
    limit: Annotated[int, Field(ge=1, le=MAX_BREACHES)] = 100
    """Most breaches of one page."""
    cursor: (
        Annotated[str, Field(max_length=64), AfterValidator(_breach_cursor)] | None
    ) = None
    """`next_cursor` of the page before."""


class BreachBand(TypedDict):
    """The band that the price left, at the step that ended with this price."""

    issued_at: str
    step: int
    freq: str
    coverage: float
    lower: float
    median: float
    upper: float
    model_name: str
    model_version: str
    segment: str


class BreachFollowThrough(TypedDict):
    """Whether the price went on the way it broke out; null: too few prices came."""

    followed: bool | None
    largest_move: float
    decided_at: str


class Breach(TypedDict):
    """A breach as it stood when something happened to it."""

    id: int
    dedupe_key: str
    market_id: str
    event_id: str | None
    phase: SignalPhase
    severity: Severity
    direction: Direction
    opened_at: str
    opened_price: float
    ts: str
    price: float
    p_value: float
    q_value: float
    n_steps: int
    is_open: bool
    closed_at: str | None
    close_reason: CloseReason | None
    band: BreachBand
    follow_through: BreachFollowThrough | None
    recorded_at: str


class Breaches(TypedDict):
    """One page of breaches, newest first."""

    breaches: list[Breach]
    next_cursor: str | None


def breach_of(signal: BreachSignal) -> Breach:
    """Return a signal in the words of the wire."""
    closed_at_s, outcome = signal.closed_at_s, signal.follow_through
    return {
        "id": signal.id,
        "dedupe_key": signal.dedupe_key,
        "market_id": signal.market_id,
        "event_id": signal.event_id,
        "phase": signal.phase,
        "severity": signal.severity,
        "direction": signal.direction,
        "opened_at": _moment(signal.opened_at_s),
        "opened_price": round(signal.opened_price, _DECIMALS),
        "ts": _moment(signal.ts_s),
        "price": round(signal.price, _DECIMALS),
        "p_value": round(signal.p_value, _DECIMALS),
        "q_value": round(signal.q_value, _DECIMALS),
        "n_steps": signal.n_steps,
        "is_open": signal.is_open,
        "closed_at": None if closed_at_s is None else _moment(closed_at_s),
        "close_reason": signal.close_reason,
        "band": _band(signal.band),
        "follow_through": None if outcome is None else _follow_through(outcome),
        "recorded_at": moment_text(signal.recorded_at_s),
    }


def _band(band: BreachedBand) -> BreachBand:
    return {
        "issued_at": _moment(band.issued_at_s),
        "step": band.step,
        "freq": step_text(band.step_s),
        "coverage": band.coverage,
        "lower": round(band.lower, _DECIMALS),
        "median": round(band.median, _DECIMALS),
        "upper": round(band.upper, _DECIMALS),
        "model_name": band.model_name,
        "model_version": band.model_version,
        "segment": band.segment,
    }


def _follow_through(outcome: FollowThrough) -> BreachFollowThrough:
    return {
        "followed": outcome.has_followed,
        "largest_move": round(outcome.largest_move, _DECIMALS),
        "decided_at": _moment(outcome.decided_at_s),
    }


def _moment(epoch_s: float) -> str:
    return moment_text(epoch_s, timespec="auto")
