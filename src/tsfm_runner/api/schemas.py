"""The words of the wire: what a request may say and what an answer holds."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from tsfm_runner.api.wire_types import (
    Distinct,
    EpochSeconds,
    FreqText,
    Level,
    Name,
    Number,
    Percent,
    Plain,
    Probability,
    Rfc3339,
)
from tsfm_runner.domain.calibration import BandCalibration, ConformalStatus
from tsfm_runner.domain.forecast import BreakerState
from tsfm_runner.domain.task import (
    MAX_HORIZON,
    MAX_LEVELS,
    MAX_POINTS,
    MIN_EPS,
    MIN_POINTS,
    Liquidity,
    Provider,
    Space,
)

MAX_BATCH = 1_000
MAX_COVARIATES = 32

EXAMPLE_REQUEST: dict[str, Any] = {
    "market_id": "will-it-rain",
    "as_of_ts": "2026-02-20T12:00:00Z",
    "freq": "5m",
    "horizon_steps": 12,
    "quantiles": [0.1, 0.5, 0.9],
    "y": [0.41, 0.42, 0.42, 0.4, None, 0.43, 0.44, 0.44],
}

# The first wrong value of a list is told, and ends it: there may be 20,000.
Covariates = Annotated[
    dict[Name, Annotated[list[Number], Field(max_length=MAX_POINTS, fail_fast=True)]],
    Field(max_length=MAX_COVARIATES),
]


class WireModel(BaseModel):
    """A part of a request: nothing is converted, nothing unknown is let through."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


class TransformChoice(WireModel):
    """The space in which the model sees the series."""

    space: Space | None = None
    """`logit` or `identity`."""
    eps: Annotated[float, Field(ge=MIN_EPS, lt=0.5)] | None = None
    """Distance kept from 0 and 1 before the logit."""


class ModelRequest(WireModel):
    """Which model should answer."""

    provider: Provider | None = None
    """`auto`, the default, is the configured ladder."""
    model_name: Name | None = None
    """For the provider `baseline`: ewma, kalman, rolling_quantile or har."""
    model_version: Name | None = None
    """A revision; unset takes the one in the registry."""
    params: Annotated[dict[Name, Any], Field(max_length=32), Plain] | None = None
    """Handed to the model as it is."""


class ForecastRequest(WireModel):
    """One market: its series, and what is to be known about the next steps."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_REQUEST]})

    market_id: Name
    """The caller's own name of the market."""
    as_of_ts: Rfc3339
    """Time of the last point of `y`."""
    y: Annotated[
        list[Probability | None],
        Field(min_length=MIN_POINTS, max_length=MAX_POINTS, fail_fast=True),
    ]
    """Prices, oldest first; null where missing."""
    freq: FreqText | None = None
    """Step between points: `5m`, `5min`, `1h`, `PT5M`; 1 minute to 1 day."""
    horizon_steps: Annotated[int, Field(ge=1, le=MAX_HORIZON)] | None = None
    """Steps to forecast."""
    quantiles: (
        Annotated[
            list[Level],
            Field(min_length=1, max_length=MAX_LEVELS, fail_fast=True),
            Distinct,
        ]
        | None
    ) = None
    """Levels to answer, in any order."""
    level: (
        Annotated[
            list[Percent], Field(min_length=1, max_length=48, fail_fast=True), Distinct
        ]
        | None
    ) = None
    """Central intervals in percent, instead of `quantiles`; the median is added."""
    y_ts: (
        Annotated[list[EpochSeconds], Field(max_length=MAX_POINTS, fail_fast=True)]
        | None
    ) = None
    """Times of the points, where they do not stand exactly `freq` apart."""
    x_past: Covariates | None = None
    """Covariates as long as `y`."""
    x_future: Covariates | None = None
    """Covariates that are known ahead, as long as `horizon_steps`."""
    transform: TransformChoice | None = None
    """How prices are transformed for the model."""
    model: ModelRequest | None = None
    """Which model should answer; unset is the configured ladder."""
    liquidity_bucket: Liquidity | None = None
    """How liquid the market is; no model is asked for `low` unless configured."""
    category: Name | None = None
    """What the market is about."""
    event_id: Name | None = None
    """The event that the market belongs to."""
    closes_at: Rfc3339 | None = None
    """When the market closes."""
    tte_seconds: Annotated[float, Field(ge=0, le=1e10)] | None = None
    """Seconds until the market closes, instead of `closes_at`."""
    tick_size: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """Price grid of the market."""
    max_gap_minutes: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Longest hole that is filled forward."""


class RouteEntry(TypedDict):
    """One rung of the ladder: taken, or skipped for a reason.

    `detail` is there where the policy has decided something of the rung.
    """

    rung: str
    taken: bool
    reason: str | None
    detail: NotRequired[str]


class OriginMeta(TypedDict):
    """Where a band came from."""

    forecast_id: str
    runtime: str
    model_name: str
    model_version: str
    license_tag: str
    input_len: int
    missing_ratio: float
    transform: dict[str, str | float]
    band_calibration: BandCalibration
    quantile_source: dict[str, Literal["native", "interpolated", "extrapolated"]]
    route: list[RouteEntry]
    fallback_used: bool
    fallback_reason: str | None
    warnings: list[str]
    batch_size: int
    breaker_state: BreakerState | None


class ForecastMeta(OriginMeta):
    """Where a band came from, and how it was served this time."""

    cache_hit: bool
    cache_stale: bool
    cache_age_s: float | None
    latency_ms: float


class Conformal(TypedDict):
    """How far a band can be trusted, and its interval at the target coverage."""

    target_coverage: float
    lower: list[float]
    upper: list[float]
    status: ConformalStatus
    segment: str
    n: int
    empirical_coverage: float | None
    coverage_ci: list[float] | None
    state_version: int
    updated_at: str | None


class LastStep(TypedDict):
    """The last step of the band; null for a level that was not asked for."""

    q10: float | None
    q50: float | None
    q90: float | None


class ForecastAnswer(TypedDict):
    """The band of one market."""

    market_id: str
    as_of_ts: str
    freq: str
    horizon_steps: int
    quantiles: list[float]
    ts: list[str]
    yhat_q: dict[str, list[float]]
    yhat_q_raw: dict[str, list[float]]
    conformal: Conformal
    conformal_last_step: LastStep
    meta: ForecastMeta


class FieldError(TypedDict):
    """One field that breaks a rule; the input is cut to 80 characters."""

    loc: list[str | int]
    msg: str
    input: str


class ProblemBody(TypedDict, total=False):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    errors: list[FieldError]


class BatchItem(TypedDict, total=False):
    """Either the answer of one request or its problem."""

    result: ForecastAnswer
    error: ProblemBody


class BatchAnswer(TypedDict):
    """One item for each request, in order."""

    results: list[BatchItem]


class BatchRequest(WireModel):
    """Many markets in one request; each succeeds or fails alone."""

    requests: Annotated[
        list[ForecastRequest], Field(min_length=1, max_length=MAX_BATCH)
    ]
    """The requests, answered in this order."""
