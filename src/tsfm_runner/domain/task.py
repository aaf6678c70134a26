"""What a caller asks for: one market, one cutoff, one set of levels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.errors import InvalidTaskError

FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Space: TypeAlias = Literal["logit", "identity"]
Provider: TypeAlias = Literal["auto", "tollama", "embedded", "baseline"]
Liquidity: TypeAlias = Literal["low", "mid", "high"]

MAX_MARKET_ID_LENGTH = 256
MAX_HORIZON = 288
MAX_LEVELS = 99
MIN_LEVEL = 0.001
MAX_LEVEL = 0.999
FIRST_YEAR = 1971
LAST_YEAR = 2999
MIN_EPS = 1e-12
MIN_POINTS = 2
MAX_POINTS = 20_000

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Transform:
    """The space in which a model sees the series; ``eps`` keeps logits finite.

    Raises ``InvalidTaskError`` for an ``eps`` so small that ``1 - eps`` loses it.
    """

    space: Space
    eps: float

    def __post_init__(self) -> None:
        """Refuse an ``eps`` that would not keep prices off both 0 and 1."""
        if not MIN_EPS <= self.eps < 0.5:  # noqa: PLR2004 - the middle of the prices
            rule = f"must be at least {MIN_EPS} and below 0.5"
            raise InvalidTaskError("transform.eps", rule)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model the caller wants; ``auto`` leaves it to the ladder."""

    provider: Provider = "auto"
    name: str | None = None
    version: str | None = None
    params: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """What is known of a market besides its prices; all of it optional."""

    liquidity_bucket: Liquidity | None = None
    category: str | None = None
    event_id: str | None = None
    closes_at: datetime | None = None
    tick_size: float | None = None
    max_gap_minutes: float | None = None
    y_definition: Literal["price", "mid", "last"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ForecastTask:
    """One question: how far may this price move in the next steps.

    Attributes
    ----------
    context : (n_points,) array
        Prices in [0, 1], oldest first; NaN where missing, at least one finite.
    times_s : (n_points,) array or None
        Epoch seconds of each point, strictly increasing, the last at the cutoff.
        None when the points stand exactly one step apart.
    quantile_levels : tuple of float
        Distinct, ascending, in [0.001, 0.999].
    past_covariates, future_covariates : mapping of name to array
        As long as the context, and as long as the horizon.

    Raises
    ------
    InvalidTaskError
        When a field breaks one of these rules.

    """

    market_id: str
    cutoff: datetime
    freq: Frequency
    horizon: int
    quantile_levels: tuple[float, ...]
    context: FloatArray
    transform: Transform
    times_s: FloatArray | None = None
    past_covariates: Mapping[str, FloatArray] = field(default_factory=lambda: _NOTHING)
    future_covariates: Mapping[str, FloatArray] = field(
        default_factory=lambda: _NOTHING
    )
    model: ModelChoice = ModelChoice()
    facts: MarketFacts = MarketFacts()

    def __post_init__(self) -> None:
        """Refuse what no forecast could be made from."""
        _check_question(self)
        _check_context(self.context)
        _check_times(self)
        _check_covariates(self)

    @property
    def is_complete(self) -> bool:
        """Whether no price is missing."""
        return not math.isnan(self.context @ self.context)

    @property
    def n_bytes(self) -> int:
        """How much memory its arrays take."""
        arrays = [self.context, *self.past_covariates.values()]
        arrays += self.future_covariates.values()
        if self.times_s is not None:
            arrays.append(self.times_s)
        return sum(array.nbytes for array in arrays)

    @property
    def step_times(self) -> list[datetime]:
        """The time of each step, in the cutoff's own time zone."""
        step = timedelta(seconds=self.freq.step_s)
        return [self.cutoff + step * count for count in range(1, self.horizon + 1)]


def _check_question(task: ForecastTask) -> None:
    if not 1 <= len(task.market_id) <= MAX_MARKET_ID_LENGTH:
        raise InvalidTaskError("market_id", "must have 1 to 256 characters")
    if task.cutoff.tzinfo is None:
        raise InvalidTaskError("cutoff", "must carry a time zone")
    if not FIRST_YEAR <= task.cutoff.year <= LAST_YEAR:
        rule = f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InvalidTaskError("cutoff", rule)
    if not 1 <= task.horizon <= MAX_HORIZON:
        raise InvalidTaskError("horizon", f"must be between 1 and {MAX_HORIZON}")
    levels = task.quantile_levels
    if not 1 <= len(levels) <= MAX_LEVELS:
        raise InvalidTaskError("quantile_levels", f"must name 1 to {MAX_LEVELS} levels")
    if not MIN_LEVEL <= levels[0] <= levels[-1] <= MAX_LEVEL:
        raise InvalidTaskError("quantile_levels", "must lie in [0.001, 0.999]")
    if list(levels) != sorted(set(levels)):
        raise InvalidTaskError("quantile_levels", "must be distinct and ascending")


def _check_context(context: FloatArray) -> None:
    if context.ndim != 1 or not MIN_POINTS <= context.size <= MAX_POINTS:
        rule = f"must have {MIN_POINTS} to {MAX_POINTS} points"
        raise InvalidTaskError("context", rule)
    # As long as no price is missing, neither of the two is NaN.
    if np.minimum.reduce(context) >= 0 and np.maximum.reduce(context) <= 1:
        return
    known = context[~np.isnan(context)]
    if known.size == 0:
        raise InvalidTaskError("context", "must have at least one value that is known")
    if known.min() < 0 or known.max() > 1:
        raise InvalidTaskError("context", "must lie in [0, 1]")


def _check_times(task: ForecastTask) -> None:
    times_s = task.times_s
    if times_s is None:
        return
    if times_s.shape != task.context.shape:
        raise InvalidTaskError("times_s", "must have one time for each point")
    if not (np.diff(times_s) > 0).all():
        raise InvalidTaskError("times_s", "must be strictly increasing")
    if abs(times_s[-1] - task.cutoff.timestamp()) >= 1e-3:  # noqa: PLR2004
        raise InvalidTaskError("times_s", "must end at the time of the last point")


def _check_covariates(task: ForecastTask) -> None:
    for name, column in task.past_covariates.items():
        if column.shape != task.context.shape:
            rule = "must have one value for each point"
            raise InvalidTaskError(f"past_covariates.{name}", rule)
    for name, column in task.future_covariates.items():
        if name not in task.past_covariates:
            rule = "must be known for the past too"
            raise InvalidTaskError(f"future_covariates.{name}", rule)
        if column.shape != (task.horizon,):
            rule = "must have one value for each step ahead"
            raise InvalidTaskError(f"future_covariates.{name}", rule)
