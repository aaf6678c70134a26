"""When a model counts as proven in a segment, and when no longer."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tsfm_runner.config.fields import Count, Positive, Probability, Section


class VerdictConfig(Section):
    """When a model is proven better than the baselines in a segment."""

    min_groups: Annotated[int, Field(ge=2)] = 20
    """With outcomes of fewer events nothing is decided anew (`too_few_groups`)."""
    min_outcomes: Count = 200
    """With fewer outcomes nothing is decided anew (`too_few_outcomes`)."""
    coverage_tolerance: Probability = 0.03
    """Coverage that is shown to be further off than this is `coverage_off`."""
    coverage_release: Probability = 0.045
    """A model that is proven stays so until its coverage is shown to be off by more."""
    coverage_margin: Probability = 0.10
    """Coverage that is known no better than this, up or down, is `coverage_unsure`."""
    n_draws: Annotated[int, Field(ge=100, le=100_000)] = 2_000
    """How often events are drawn anew for the intervals."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of these draws; the same evidence is always judged alike."""
    window_days: Positive = 14.0
    """How far `tsfm-runner verdict` looks back unless told otherwise."""
    reload_interval_s: Positive = 5.0
    """How often `routing.verdict_file` is looked at for a change."""

    @model_validator(mode="after")
    def _a_model_is_let_go_later_than_taken(self) -> Self:
        if self.coverage_release < self.coverage_tolerance:
            raise ValueError("coverage_release may not be below coverage_tolerance")
        return self
