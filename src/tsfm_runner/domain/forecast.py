"""What a model answers, and what the caller is served."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from tsfm_runner.domain.asker import NOBODY, Asker
from tsfm_runner.domain.calibration import Certificate
from tsfm_runner.domain.task import BoolArray, FloatArray, ForecastTask

QuantileSource: TypeAlias = Literal["native", "interpolated", "extrapolated"]
Rung: TypeAlias = Literal["tollama", "embedded", "baseline"]
BreakerState: TypeAlias = Literal["closed", "open", "half_open"]
RuntimeMode: TypeAlias = Literal["normal", "degraded", "baseline_only"]


class FallbackReason(StrEnum):
    """Why a baseline answered in place of a model; the list is closed."""

    TOO_FEW_POINTS = "too_few_points"
    MAX_GAP_EXCEEDED = "max_gap_exceeded"
    BASELINE_ONLY_LIQUIDITY = "baseline_only_liquidity"
    ROUTE_POLICY = "route_policy"
    MODEL_NOT_INSTALLED = "model_not_installed"
    RUNTIME_TIMEOUT = "runtime_timeout"
    RUNTIME_UNAVAILABLE = "runtime_unavailable"
    RUNTIME_PROTOCOL = "runtime_protocol"
    INVALID_OUTPUT = "invalid_output"
    BREAKER_OPEN = "breaker_open"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    OVERLOADED = "overloaded"
    DEGRADED = "degraded"
    STALE_IF_ERROR = "stale_if_error"

    @property
    def is_lasting(self) -> bool:
        """Whether the same question meets it again, however the runtimes are."""
        return self in _LASTING


_LASTING = frozenset(
    (
        FallbackReason.TOO_FEW_POINTS,
        FallbackReason.MAX_GAP_EXCEEDED,
        FallbackReason.BASELINE_ONLY_LIQUIDITY,
        FallbackReason.ROUTE_POLICY,
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class ModelSeries:
    """One series as a runtime gets it: finite, in model space, oldest first.

    ``is_observed`` tells which steps of the context have a price of their own and
    are not filled forward; None: all of them. ``closes_at`` is None where the caller
    has not told it.
    """

    market_id: str
    cutoff: datetime
    context: FloatArray
    past_covariates: Mapping[str, FloatArray]
    future_covariates: Mapping[str, FloatArray]
    is_observed: BoolArray | None = None
    closes_at: datetime | None = None
    asker: Asker = NOBODY


@dataclass(frozen=True, slots=True, eq=False)
class ModelCall:
    """One call of a runtime: many series that share model, horizon and levels.

    ``traceparent`` is its own place in a trace; empty where there is none.
    """

    model_name: str
    step_s: int
    horizon: int
    quantile_levels: tuple[float, ...]
    params: Mapping[str, Any]
    series: tuple[ModelSeries, ...]
    traceparent: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class QuantileForecast:
    """What a runtime answers for one series.

    ``values`` has shape ``(horizon, n_levels)``, finite, in model space; levels
    are ascending and need not be in order of value (crossings are ours to mend).
    """

    quantile_levels: tuple[float, ...]
    values: FloatArray
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One rung of the ladder: taken, or skipped for a reason.

    ``detail`` is what the policy has decided of it, where there is more to say.
    """

    rung: Rung
    is_taken: bool
    reason: FallbackReason | None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a band came from and everything that was done on the way.

    ``breaker_state`` is that before the first runtime on the way, None where the
    way led past no runtime. ``n_crossings`` counts the steps whose quantiles had
    to be put in order. ``policy_number`` is that of the verdict by which the way was
    chosen.
    """

    forecast_id: str
    runtime: Rung
    model_name: str
    model_version: str
    license_tag: str
    input_length: int
    missing_ratio: float
    quantile_source: Mapping[float, QuantileSource]
    route: tuple[RouteStep, ...]
    fallback_reason: FallbackReason | None
    warnings: tuple[str, ...]
    batch_size: int
    breaker_state: BreakerState | None
    n_crossings: int
    policy_number: int = 0

    @property
    def is_fallback(self) -> bool:
        """Whether a lower rung stands in for the one that was meant."""
        return self.fallback_reason is not None

    @property
    def model_failure(self) -> FallbackReason | None:
        """Why the first model that failed did, whatever answered then; None: none did.

        What settings or the data kept from a model is no failure of it.
        """
        reasons = (step.reason for step in self.route if not step.is_taken)
        return next((why for why in reasons if why and not why.is_lasting), None)

    @property
    def is_meant_for_model(self) -> bool:
        """Whether a model answered, or should have."""
        return self.runtime != "baseline" or self.model_failure is not None


@dataclass(frozen=True, slots=True)
class CacheUse:
    """An answer that was kept: how old it is, and whether it outlived its time."""

    age_s: float
    is_stale: bool


@dataclass(frozen=True, slots=True, eq=False)
class ServedForecast:
    """The answer to one task.

    ``values`` has shape ``(horizon, n_levels)``: prices in [0, 1], ascending over
    the task's levels at every step; ``raw_values`` are the same before calibration,
    of which the certificate tells. ``cache`` is None for an answer that was computed
    for this task; ``computed_at_s`` is when, on the process's clock.
    """

    task: ForecastTask
    values: FloatArray
    raw_values: FloatArray
    certificate: Certificate
    provenance: Provenance
    latency_ms: float
    computed_at_s: float
    cache: CacheUse | None = None
