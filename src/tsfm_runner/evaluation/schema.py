"""The document of a study, ``scores.json``: what each field is called and may hold.

``docs/evaluation-schema.md`` says what each number means.
"""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal, NotRequired, TypeAlias

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    with_config,
)
from typing_extensions import TypedDict

SCHEMA: Final = "tsfm-runner/evaluation/1"
ALL_FREQS: Final = "all"


def _aware(text: str) -> str:
    """Refuse what is no time with an offset; the text itself is kept."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time needs its offset")
    return text


Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)] | None
Share: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None
Level: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Step: TypeAlias = Annotated[int, Field(ge=1)]
Time: TypeAlias = Annotated[str, AfterValidator(_aware)]
Weighting: TypeAlias = Literal["group", "origin"]
Metric: TypeAlias = Annotated[
    str, Field(pattern=r"^(interval_score_0\.\d+|wis|mean_pinball)$")
]

# What stands inside another takes its configuration from it.
_CLOSED = ConfigDict(extra="forbid")
_OPEN = ConfigDict(extra="allow")


@with_config(_CLOSED)
class DataFacts(TypedDict):
    """The data that was studied."""

    name: str
    sha256: str
    n_markets: Count
    n_groups: Count
    n_points: Count


@with_config(_OPEN)
class Split(TypedDict):
    """How learning and scoring were kept apart."""

    name: str
    seed: int
    cuts: dict[str, Time]
    held_out: NotRequired[list[str]]


@with_config(_OPEN)
class Manifest(TypedDict):
    """What it takes to run the study again, byte for byte."""

    data: DataFacts
    split: Split
    horizon: Step
    quantile_levels: list[Level]
    steps: list[str]
    seeds: dict[str, int]
    settings: dict[str, JsonValue]
    versions: dict[str, str]
    created_at: NotRequired[Time]


class Entry(TypedDict):
    """A model, raw or calibrated."""

    entry: str
    model: str
    kind: Literal["raw", "calibrated"]
    is_baseline: bool


class Skipped(TypedDict):
    """A market that could not be studied."""

    market_id: str
    reason: str


class LeakageCheck(TypedDict):
    """A question whether anything knew the future, and its answer."""

    check: str
    told: str
    passed: bool


class AgeInterval(TypedDict):
    """How an interval did: the part that every table has."""

    coverage: Level
    closed: Share
    closed_low: Share
    closed_high: Share
    open: Share
    open_low: Share
    open_high: Share
    width: Share
    interval_score: Number


class SegmentInterval(AgeInterval):
    """The same with the distance from what was promised."""

    error: Share


class OverallInterval(SegmentInterval):
    """The same with misses on each side and markets that keep the promise."""

    below: Share
    above: Share
    interval_score_low: Number
    interval_score_high: Number
    near: Share
    near_ceiling: Share


class LevelScore(TypedDict):
    """How often outcomes were below a quantile, and what it cost."""

    level: Level
    below: Share
    below_low: Share
    below_high: Share
    at_or_below: Share
    at_or_below_low: Share
    at_or_below_high: Share
    pinball: Number


class Overall(TypedDict):
    """An entry over all segments."""

    entry: str
    freq: str
    step: Step | None
    weighting: Weighting
    n: Count
    n_markets: Count
    n_groups: Count
    intervals: list[OverallInterval]
    levels: list[LevelScore]
    mean_pinball: Number
    wis: Number
    mae: Number
    rmse: Number
    breach_rate: Share
    follow_through: Share


class SegmentScore(TypedDict):
    """An entry in one segment; groups weigh alike."""

    entry: str
    freq: str
    segment: str
    step: Step | None
    n: Count
    n_markets: Count
    n_groups: Count
    intervals: list[SegmentInterval]
    wis: Number


class Ratio(TypedDict):
    """A score of an entry over that of another on the same outcomes."""

    entry: str
    against: str
    freq: str
    step: Step | None
    weighting: Weighting
    metric: Metric
    ratio: Number
    low: Number
    high: Number
    is_significant: bool


class ColdStart(TypedDict):
    """An entry where markets had only so many prices."""

    entry: str
    freq: str
    age: Step
    step: Step
    n: Count
    n_groups: Count
    intervals: list[AgeInterval]


class Fallback(TypedDict):
    """How often something else answered in place of the model."""

    entry: str
    freq: str
    reason: str
    n: Count


class Band(TypedDict):
    """One interval over time, each at the time of its outcome."""

    coverage: Level
    lower: list[Share]
    upper: list[Share]


class DrawnMarket(TypedDict):
    """A market whose bands are shown."""

    entry: str
    freq: str
    market_id: str
    question: str | None
    place: Literal["worst", "best"]
    step: Step
    wis: Number
    error: Share
    times: list[Time]
    prices: list[Share]
    bands: list[Band]
    median: list[Share]


class Timing(TypedDict):
    """What the study took."""

    elapsed_s: Number
    n_origins: Count
    peak_memory_mb: Number


@with_config(_CLOSED)
class Document(TypedDict):
    """Everything that a study found."""

    schema: Literal["tsfm-runner/evaluation/1"]
    manifest: Manifest
    quantile_levels: list[Level]
    coverages: list[Level]
    horizon: Step
    entries: list[Entry]
    skipped: list[Skipped]
    left_out: dict[str, Count]
    leakage_checks: list[LeakageCheck]
    overall: list[Overall]
    segments: list[SegmentScore]
    ratios: list[Ratio]
    cold_start: list[ColdStart]
    fallbacks: list[Fallback]
    markets: list[DrawnMarket]
    timing: NotRequired[Timing]


def validated(document: object) -> Document:
    """Return the document where every field holds what it may.

    Raises ``pydantic.ValidationError``, which names each field that does not.
    """
    return _adapter().validate_python(document, strict=True)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a document."""
    return _adapter().json_schema()


@cache
def _adapter() -> TypeAdapter[Document]:
    return TypeAdapter(Document)
