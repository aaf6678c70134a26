"""When a stage of a rollout has shown enough, and what it may not do."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tsfm_runner.config.fields import Count, Positive, Section

Rate = Annotated[float, Field(gt=0, lt=1)]


class GateStageConfig(Section):
    """How much one stage must show."""

    window_minutes: Positive
    """How long all limits must hold, looked at often enough."""
    min_forecasts: Count
    """Forecasts meant for a model that must be among what was seen."""
    min_outcomes: Annotated[int, Field(ge=0)]
    """Steps of a model's bands whose outcomes must have come; 0: coverage is judged
    only where there are any."""


_CANARY_5 = GateStageConfig(window_minutes=60.0, min_forecasts=100, min_outcomes=200)
_CANARY_25 = GateStageConfig(
    window_minutes=360.0, min_forecasts=1_000, min_outcomes=2_000
)
_FULL_100 = GateStageConfig(
    window_minutes=1_440.0, min_forecasts=5_000, min_outcomes=10_000
)
_STAGES = {"canary_5": _CANARY_5, "canary_25": _CANARY_25, "full_100": _FULL_100}


class GateConfig(Section):
    """When a rollout may go on, and when it must go back."""

    canary_5: GateStageConfig = _CANARY_5
    """The stage at 5 % of the markets."""
    canary_25: GateStageConfig = _CANARY_25
    """The stage at 25 % of the markets."""
    full_100: GateStageConfig = _FULL_100
    """The stage at all markets."""
    max_p95_ms: Positive = 300.0
    """Most for the 95th percentile of the time of forecasts asked for alone."""
    max_error_rate: Rate = 0.001
    """Most of the forecast requests that may be answered with 500 or 503."""
    max_fallback_rate: Rate = 0.05
    """Most of the forecasts meant for a model that something else may answer."""
    max_breaker_open_share: Rate = 0.01
    """Most of the time in which a breaker may be open."""
    max_invalid_rate: Rate = 0.005
    """Most of the forecasts meant for a model that may get an answer without a band."""
    max_coverage_error: Rate = 0.05
    """How far closed coverage may lie below the target, and open coverage above it."""
    doubt: Annotated[float, Field(gt=0, le=0.05)] = 0.0001
    """A limit is broken beyond doubt where chance alone would do so this rarely."""
    max_restarts: Annotated[int, Field(ge=0)] = 3
    """More restarts of the service in a window stop a `PASS`: what a process counted
    after its last reading, and what nobody answered, is in no figure."""
    recent_minutes: Positive = 5.0
    """Rates are judged over the last minutes, too, so that a long good past hides
    nothing."""
    max_gap_minutes: Positive = 10.0
    """Time between two readings counts for no more than this."""
    patience_s: Annotated[float, Field(ge=0)] = 15.0
    """How long a service that does not answer is asked again, as it may restart."""
    timeout_s: Positive = 5.0
    """How long one answer of the service may take."""
    keep_days: Positive = 7.0
    """How long readings are kept."""
    max_readings: Count = 100_000
    """Most readings that are kept of one service."""

    @field_validator("canary_5", "canary_25", "full_100", mode="before")
    @classmethod
    def _stages_are_filled(cls, given: object, info: ValidationInfo) -> Any:  # noqa: ANN401 - anything is given
        """Take what a stage leaves out from its own defaults."""
        if not isinstance(given, Mapping):
            return given
        return _STAGES[str(info.field_name)].model_dump() | dict(given)

    @model_validator(mode="after")
    def _readings_outlast_every_window(self) -> Self:
        longest_minutes = max(
            stage.window_minutes
            for stage in (self.canary_5, self.canary_25, self.full_100)
        )
        if self.keep_days * 1_440 < 2 * longest_minutes:
            raise ValueError("keep_days must be at least twice the longest window")
        return self
