"""How bands are calibrated from what really happened."""

from typing import Annotated

from pydantic import Field

from tsfm_runner.config.fields import Count, Positive, Probability, Section

_SECONDS_PER_HOUR = 3_600

Share = Annotated[float, Field(gt=0, lt=1)]


class CalibrationConfig(Section):
    """Rolling conformal calibration of every band."""

    enabled: bool = True
    """Without it bands are served as the model drew them (`disabled`)."""
    target_coverage: Share = 0.9
    """Coverage of the interval that each answer has beside its quantiles."""
    half_life_steps: Positive = 6_000.0
    """Steps with outcomes after which a score counts half."""
    shrinkage: Positive = 50.0
    """How many scores of a segment the distribution of all segments is worth."""
    caution: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Tails are aimed at this share of themselves, for what estimates cannot know."""
    level_rate: Annotated[float, Field(ge=0, lt=1)] = 0.002
    """Step with which a segment's tails follow what they let through."""
    learns_scale: bool = True
    """Learn from outcomes how wide bands are for how a market moved lately."""
    market_rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Step with which a market's width follows its own misses."""
    market_leak: Probability = 0.03
    """Share of a market's own width that is forgotten at each outcome."""
    min_scores: Count = 500
    """With fewer scores of a model at a step, its raw band is served, widened."""
    cold_widening: Annotated[float, Field(ge=1)] = 1.25
    """How much wider a raw band is served while there are too few scores."""
    prior_scores: Annotated[float, Field(ge=0)] = 1_000.0
    """How many scores the distribution that is shipped for a baseline is worth."""
    min_segment_scores: Count = 100
    """With fewer scores at a step, a segment is still `warming_up`."""
    max_outcome_delay_hours: Positive = 72.0
    """How long after the last step of a band its outcomes are waited for."""
    max_pending_bytes: Count = 256 * 1024**2
    """Most memory of bands that wait for outcomes, 2.3 kB each at 12 steps; past it
    the oldest leave, of the horizon that takes most."""
    max_segments: Count = 256
    """Most segments of a model; markets of further categories share one."""
    max_markets: Count = 20_000
    """Most markets whose own width is remembered; the longest unseen leave first."""
    shadow: bool = True
    """Score the configured baseline beside every model that answers."""

    @property
    def max_outcome_delay_s(self) -> float:
        """The longest wait for outcomes, in seconds."""
        return self.max_outcome_delay_hours * _SECONDS_PER_HOUR


class DriftConfig(Section):
    """When what happens no longer fits what was learned, and what then."""

    excess: Share = 0.04
    """Share of misses, or of outcomes inside, beyond the nominal one that is drift."""
    watch_half_life_steps: Positive = 72.0
    """Half-life of these shares."""
    recent_half_life_steps: Positive = 144.0
    """Half-life of the scores that take the place of all others at a drift."""
    min_recent_scores: Positive = 2_000.0
    """With fewer recent scores nothing is replaced."""
    cooldown_steps: Count = 288
    """Steps in which a segment that has drifted cannot do so again."""
