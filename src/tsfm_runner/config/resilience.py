"""How long we wait, how often we ask again, when we stop asking, what we keep."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tsfm_runner.config.fields import Count, Positive, Probability, Section

NonNegative = Annotated[float, Field(ge=0)]


class ResilienceConfig(Section):
    """How long we wait, and how often we ask again."""

    deadline_s: Positive = 2.5
    """Time for one forecast request, all included."""
    batch_deadline_s: Positive = 10.0
    """Time for the models of one batch request; then baselines answer the rest."""
    attempt_timeout_s: Positive = 2.0
    """Time for one call of a runtime."""
    max_retries: Annotated[int, Field(ge=0, le=5)] = 1
    """How often a call that found the runtime unavailable is made again."""
    max_split_calls: Count = 32
    """Most calls that are made to find bad series in one call that was refused."""
    min_attempt_s: Positive = 1.0
    """No retry starts with less time than this left."""
    backoff_s: Positive = 0.05
    """Pause before a retry; up to as much again is added at random."""
    max_calls_in_flight: Count = 2
    """Most calls at a time for one model family of a runtime; another leaves beside
    one that is out only where it is worth its cost, and what waits meanwhile leaves
    together in the next call."""
    max_in_flight: Count = 512
    """With more requests than this at work, a baseline answers (`overloaded`)."""
    hard_max_in_flight: Count = 4_096
    """With more requests than this at work, the next one is turned away (503)."""

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        if self.max_in_flight > self.hard_max_in_flight:
            raise ValueError("max_in_flight may not be above hard_max_in_flight")
        return self


class BreakerConfig(Section):
    """When a model family of a runtime is left alone, and for how long."""

    max_failures: Count = 3
    """So many calls in a row that found the runtime unavailable open the breaker."""
    failure_ratio: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Such a share of the calls in the window opens it too."""
    min_calls: Count = 10
    """With fewer calls in the window their share says nothing."""
    window_s: Positive = 30.0
    """How long a call counts."""
    cooldown_s: Positive = 30.0
    """How long an open breaker lets nothing through."""
    probes: Count = 2
    """Calls that are let through then; all must succeed to close the breaker."""


class DegradationConfig(Section):
    """When a runtime that fails often is asked less, and when only probed."""

    degrade_above: Probability = 0.30
    """Ratio of failed calls from which batches are halved and retries skipped."""
    restore_below: Probability = 0.15
    """Ratio of failed calls below which all is normal again."""
    baseline_only_above: Probability = 0.70
    """Ratio of failed calls from which baselines answer everything but probes."""
    resume_below: Probability = 0.25
    """Ratio of failures among the last two probes below which it is asked again."""
    min_calls: Count = 10
    """With fewer calls in the window their ratio says nothing."""
    window_s: Positive = 60.0
    """How long a call counts."""
    probe_interval_s: Positive = 10.0
    """Time between two probes of a runtime that is otherwise not asked."""

    @model_validator(mode="after")
    def _each_mode_is_left_below_where_it_is_entered(self) -> Self:
        if self.restore_below >= self.degrade_above:
            raise ValueError("restore_below must be below degrade_above")
        if self.resume_below >= self.baseline_only_above:
            raise ValueError("resume_below must be below baseline_only_above")
        if self.degrade_above >= self.baseline_only_above:
            raise ValueError("degrade_above must be below baseline_only_above")
        return self


class CacheConfig(Section):
    """How long an answer is kept for those who ask the same again."""

    ttl_s: NonNegative = 60.0
    """How long it is served as it is; 0 keeps nothing."""
    stale_if_error_s: NonNegative = 120.0
    """How much longer it is served in place of a model that fails."""
    max_bytes: Annotated[int, Field(ge=0)] = 64 * 1024**2
    """Most memory of all that is kept; what was not asked for longest leaves first."""
