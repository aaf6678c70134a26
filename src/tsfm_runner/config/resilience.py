"""How long we wait, how often we ask again, and when we stop asking."""

from typing import Annotated

from pydantic import Field

from tsfm_runner.config.fields import Count, Positive, Section


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
