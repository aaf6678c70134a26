"""The words of the wire about the process at work."""

from typing import Literal

from typing_extensions import TypedDict

from tsfm_runner.domain.forecast import BreakerState, Rung, RuntimeMode
from tsfm_runner.domain.signals import Severity
from tsfm_runner.domain.telling import CallError


class RequestFigures(TypedDict):
    """Requests for forecasts: at work now, by outcome since the start, and times."""

    in_flight: int
    max_in_flight: int
    by_outcome: dict[str, int]
    p50_ms: float | None
    p95_ms: float | None


class BreakerFigures(TypedDict):
    """The breaker before one model family; `open_s` since the start."""

    family: str
    state: BreakerState
    open_s: float


class RungCalls(TypedDict):
    """Calls of one runtime: how many, how many failed in which way, and times."""

    n: int
    errors: dict[CallError, int]
    p50_ms: float | None
    p95_ms: float | None


class RungStatus(TypedDict):
    """One rung of the ladder; `is_healthy` is null where it is not known."""

    rung: Rung
    is_configured: bool
    is_healthy: bool | None
    error: str | None
    mode: RuntimeMode
    breakers: list[BreakerFigures]
    calls: RungCalls


class QueueFigures(TypedDict):
    """How long series wait for their call of a runtime, and how many share one."""

    p50_ms: float | None
    p95_ms: float | None
    mean_batch_size: float | None


class CacheFigures(TypedDict):
    """What the cache did for markets since the start."""

    hit: int
    miss: int
    join: int
    stale: int
    hit_ratio: float | None


class ForecastFigures(TypedDict):
    """Forecasts served since the start; `crossings` are steps put in order."""

    n: int
    by_runtime: dict[str, int]
    by_fallback_reason: dict[str, int]
    crossings: int


class CalibrationFigures(TypedDict):
    """Bands that wait for outcomes, and outcomes that came."""

    bands_waiting: int
    bands_dropped: int
    outcomes: int
    state_version: int


class LedgerFigures(TypedDict):
    """How long the oldest entry waits to be written, and what was let go."""

    lag_s: float
    let_go: int


class FollowedFigures(TypedDict):
    """Breaches since the start by whether the price went on."""

    yes: int
    no: int
    unknown: int


class SignalFigures(TypedDict):
    """Breaches that are open now."""

    open: int
    by_severity: dict[Severity, int]
    followed: FollowedFigures


class WebhookStatus(TypedDict):
    """How one webhook is doing."""

    name: str
    is_failing: bool
    n_waiting: int
    last_error: str | None
    dead_letters: int


class RuntimeStatus(TypedDict):
    """The process at work; times are of the last minutes, counts since the start."""

    now: str
    started_at: str
    version: str
    environment: Literal["dev", "prod"]
    requests: RequestFigures
    ladder: list[RungStatus]
    queue: QueueFigures
    cache: CacheFigures
    forecasts: ForecastFigures
    calibration: CalibrationFigures
    ledger: LedgerFigures
    signals: SignalFigures
    webhooks: list[WebhookStatus]
