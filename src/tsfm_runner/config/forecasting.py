"""What is asked by default, how series are prepared, routed and answered."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tsfm_runner.config.fields import (
    BaselineMethod,
    Count,
    LiquidityBucket,
    Positive,
    Probability,
    RungName,
    Section,
    Space,
)

Percent = Annotated[float, Field(ge=0, le=100)]


class TaskConfig(Section):
    """What a request that leaves a field out asks for."""

    freq: str = "5m"
    """Step between points."""
    horizon: Annotated[int, Field(ge=1, le=288)] = 12
    """Steps to forecast."""
    quantile_levels: tuple[Probability, ...] = (0.1, 0.5, 0.9)
    """Levels to answer."""
    space: Space = "logit"
    """Space in which models and the EWMA and Kalman baselines work."""
    eps: Annotated[float, Field(ge=1e-12, lt=0.5)] = 1e-6
    """Probabilities are kept this far from 0 and 1 before the logit."""


class PreparationConfig(Section):
    """How a raw series becomes a context."""

    context_length: Annotated[int, Field(ge=2, le=20_000)] = 288
    """Most recent steps that are looked at."""
    max_gap_minutes: Positive = 60.0
    """Longest hole that is filled forward; at least one step is always filled."""
    max_spread: Probability = 0.20
    """Quotes further apart than this make no mid price."""
    max_trade_age_minutes: Positive = 15.0
    """Without a mid price, the last trade counts for as long as this."""
    min_points: Annotated[int, Field(ge=2)] = 32
    """With fewer points a baseline answers (`too_few_points`)."""


class LadderOverride(Section):
    """Another ladder for markets of one category, liquidity or both."""

    category: str | None = None
    """Category of the request that this is for; unset: every category."""
    liquidity_bucket: LiquidityBucket | None = None
    """Liquidity of the request that this is for; unset: every liquidity."""
    ladder: Annotated[tuple[RungName, ...], Field(min_length=1)]
    """The ladder for these markets."""


class RoutingConfig(Section):
    """Which rung answers."""

    ladder: Annotated[tuple[RungName, ...], Field(min_length=1)] = (
        "tollama",
        "embedded",
        "baseline",
    )
    """Rungs from best to last, ending at `baseline`; one that is not configured is
    passed over."""
    overrides: tuple[LadderOverride, ...] = ()
    """First match wins."""
    baseline_method: BaselineMethod = "ewma"
    """Method of the baseline rung when the request names none."""
    baseline_only_liquidity: tuple[LiquidityBucket, ...] = ("low",)
    """Liquidity buckets for which no model is asked."""
    policy: Literal["ladder", "proven"] = "ladder"
    """`proven` serves a model only where the verdict says that it is better."""
    verdict_file: Path | None = None
    """File of the verdict (YAML), read anew when it changes; `proven` needs it."""
    rollout_percent: Percent = 100.0
    """Share of the markets that reach a model at all, always the same ones."""
    explore_percent: Percent = 5.0
    """With `proven`, share of the markets in each hour whose model is asked although
    it is not served, so that it can be judged again."""

    @model_validator(mode="after")
    def _a_policy_has_what_it_goes_by(self) -> Self:
        if self.policy == "proven" and self.verdict_file is None:
            raise ValueError("policy proven needs verdict_file")
        return self


class BaselineConfig(Section):
    """Constants of the baselines."""

    ewma_half_life_steps: Positive = 11.0
    """Half-life of the squared changes in the EWMA variance."""
    kalman_half_life_steps: Positive = 11.0
    """Half-life of the autocovariances from which q and r are taken."""
    floor_share: Probability = 0.1
    """Recent variance never counts below this share of the whole context's."""
    floor_ticks: Positive = 0.1
    """One-step scale never falls below this many ticks."""
    floor_price: Positive = 0.0001
    """One-step scale never falls below this many price units; used with no tick."""
    logit_start: Positive = 0.01
    """Added to the price and to its complement before the logit of a baseline."""
    prior_changes: Count = 24
    """With fewer known changes, the usual change at the price is mixed in."""
    min_changes: Count = 24
    """Rolling quantile: with fewer h-step changes, shorter steps are scaled up."""


class BandConfig(Section):
    """Bounds on a raw band, in probability units, applied at every step."""

    min_width: Probability = 0.02
    """Narrower bands of jumpy markets are widened to this."""
    max_width: Probability = 0.90
    """Wider bands are clamped to this."""
    jumpy_move: Probability = 0.02
    """A step that moves at least this far is a jump."""
    jumpy_share: Probability = 0.05
    """A market is jumpy when at least this share of its steps are jumps."""

    @model_validator(mode="after")
    def _widths_are_ordered(self) -> Self:
        if self.min_width >= self.max_width:
            msg = "min_width must be below max_width"
            raise ValueError(msg)
        return self
