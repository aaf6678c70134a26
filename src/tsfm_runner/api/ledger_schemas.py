"""The words of the wire about what was served, and what happened after it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    RootModel,
    WithJsonSchema,
)
from typing_extensions import TypedDict

from tsfm_runner.api.paging import place_of
from tsfm_runner.api.schemas import WireModel
from tsfm_runner.api.wire_types import (
    EPOCH_SCHEMA,
    EpochSeconds,
    FreqText,
    Name,
    Probability,
    epoch_seconds_in_text,
)
from tsfm_runner.domain.calibration import ConformalStatus
from tsfm_runner.domain.task import MAX_HORIZON
from tsfm_runner.service.coverage import GROUP_NAMES

MAX_OBSERVATIONS = 10_000
MAX_FORECASTS = 500
MAX_COVERAGE_ROWS = 1_000

_EXAMPLE: JsonValue = [
    {"market_id": "will-it-rain", "ts": "2026-02-20T12:05:00Z", "y": 0.45},
    {"market_id": "will-it-rain", "ts": "2026-02-20T12:10:00Z", "y": 0.43},
]
_GROUP = "|".join(GROUP_NAMES)


class Observation(WireModel):
    """What the price of a market was at a moment."""

    market_id: Name
    """The caller's own name of the market."""
    ts: EpochSeconds
    """When; at most a day ahead."""
    y: Probability
    """The price."""


# The first wrong observation is told, and ends the list: there may be 10,000.
class Observations(
    RootModel[
        Annotated[
            list[Observation],
            Field(min_length=1, max_length=MAX_OBSERVATIONS, fail_fast=True),
        ]
    ]
):
    """Prices as they were, of any markets, in any order."""

    model_config = ConfigDict(
        frozen=True, strict=True, json_schema_extra={"examples": [_EXAMPLE]}
    )


class ObservationsTaken(TypedDict):
    """How many observations are stored now, and how many steps they ended."""

    stored: int
    scored: int


def _place(cursor: str) -> str:
    place_of(cursor)
    return cursor


def _groups(text: str) -> str:
    if not set(text.split(",")) <= set(GROUP_NAMES):
        raise ValueError(f"must name some of {', '.join(GROUP_NAMES)}, by commas")
    return text


QueryTime: TypeAlias = Annotated[
    float, BeforeValidator(epoch_seconds_in_text), WithJsonSchema(EPOCH_SCHEMA)
]
Cursor: TypeAlias = Annotated[str, Field(max_length=32), AfterValidator(_place)]
Text: TypeAlias = Annotated[str, Field(max_length=256)]


class QueryModel(BaseModel):
    """What may stand behind the question mark of an address: nothing unknown."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )


class ForecastsQuery(QueryModel):
    """Which forecasts of a market are asked for."""

    since: QueryTime | None = None
    """Only those from `as_of_ts` on this time or later."""
    limit: Annotated[int, Field(ge=1, le=MAX_FORECASTS)] = 50
    """Most forecasts of one page; one with very many prices may hold fewer."""
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class CoverageQuery(QueryModel):
    """Which bands are asked for, and what is told apart."""

    model: Text | None = None
    """Name of a model or baseline."""
    version: Text | None = None
    """Its revision."""
    segment: Text | None = None
    """Parts of the name of a segment, by commas, as `category=weather`."""
    freq: FreqText | None = None
    """Step between points."""
    step: Annotated[int, Field(ge=1, le=MAX_HORIZON)] | None = None
    """Steps ahead. Steps far ahead are counted together, under the last of them."""
    shadow: Literal["true", "false"] | None = None
    """Whether bands of a baseline that was scored beside the one served."""
    group_by: Annotated[
        str,
        AfterValidator(_groups),
        WithJsonSchema({"type": "string", "pattern": f"^({_GROUP})(,({_GROUP}))*$"}),
    ] = ",".join(GROUP_NAMES)
    """What is told apart, by commas; what is left out is pooled."""
    limit: Annotated[int, Field(ge=1, le=MAX_COVERAGE_ROWS)] = 200
    """Most rows of one page."""
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class StoredForecast(TypedDict):
    """One answer as it was given, and what became of it so far."""

    forecast_id: str
    as_of_ts: str
    freq: str
    horizon_steps: int
    quantiles: list[float]
    ts: list[str]
    yhat_q: dict[str, list[float]]
    yhat_q_raw: dict[str, list[float]]
    lower: list[float]
    upper: list[float]
    model_name: str
    model_version: str
    runtime: str
    fallback_reason: str | None
    segment: str
    status: ConformalStatus
    state_version: int
    recorded_at: str
    outcomes: list[float | None]


class StoredForecasts(TypedDict):
    """One page of the answers about a market, newest first."""

    market_id: str
    forecasts: list[StoredForecast]
    next_cursor: str | None


class IntervalCoverage(TypedDict):
    """How an interval did: shares of outcomes inside, and means."""

    closed: float
    open: float
    mean_width: float
    interval_score: float


class CoverageEntry(TypedDict):
    """How the bands of one group did; null for what is pooled."""

    model_name: str | None
    model_version: str | None
    freq: str | None
    kind: Literal["served", "shadow"] | None
    segment: str | None
    step: int | None
    n: int
    n_effective: float | None
    served: IntervalCoverage
    raw: IntervalCoverage
    target: IntervalCoverage


class CoveragePage(TypedDict):
    """One page of how the bands did."""

    target_coverage: float
    rows: list[CoverageEntry]
    next_cursor: str | None
