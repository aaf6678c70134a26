"""The words of the wire about markets as they stand now, and about drift."""

from typing import Literal

from typing_extensions import TypedDict

from tsfm_runner.api.schemas import ForecastAnswer
from tsfm_runner.domain.calibration import ConformalStatus
from tsfm_runner.domain.signals import Direction, Severity


class CurrentBand(TypedDict):
    """The band that was issued before the newest price, at its time.

    `position` is 0 on the lower edge and 1 on the upper one; `p_value` tells how
    unusual the price is, null where nobody can say.
    """

    lower: float
    median: float | None
    upper: float
    coverage: float
    step: int
    issued_at: str
    position: float
    p_value: float | None
    is_outside: bool


class BandAhead(TypedDict):
    """The last step of the newest band."""

    ts: str
    lower: float
    median: float | None
    upper: float
    coverage: float


class BreachNow(TypedDict):
    """The breach of a market that is open, or closed a short while ago."""

    state: Literal["open", "cooldown"]
    severity: Severity
    direction: Direction
    n_steps: int
    opened_at: str
    dedupe_key: str


class MarketRow(TypedDict):
    """One market as it stands now.

    `as_of_ts` is the time of `price`, the newest one that is known; `spark` are the
    last prices up to it, null where there was none.
    """

    market_id: str
    category: str | None
    event_id: str | None
    freq: str
    as_of_ts: str
    price: float
    spark: list[float | None]
    current: CurrentBand | None
    ahead: BandAhead
    breach: BreachNow | None
    is_stale: bool
    stale_after: str
    is_closed: bool
    status: ConformalStatus
    segment: str
    runtime: str
    model_name: str
    fallback_reason: str | None
    warnings: list[str]
    updated_at: str


class Markets(TypedDict):
    """Every market that was forecast lately."""

    now: str
    n_markets: int
    rows: list[MarketRow]


class PriceHistory(TypedDict):
    """All prices that are known of a market; null where there was none."""

    ts: list[str]
    y: list[float | None]


class MarketDetail(MarketRow):
    """One market, with its prices and the newest answer as it was given."""

    history: PriceHistory
    forecast: ForecastAnswer
    closes_at: str | None
    tick_size: float | None
    liquidity_bucket: str | None


class DriftEntry(TypedDict):
    """A segment that started anew, as its outcomes no longer fitted, at one step."""

    at: str
    model_name: str
    model_version: str
    freq: str
    segment: str
    step: int
    miss_rate: float
    inside_rate: float


class DriftList(TypedDict):
    """Drifts found since the start, the newest first."""

    drifts: list[DriftEntry]
