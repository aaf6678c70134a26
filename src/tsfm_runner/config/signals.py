"""When a price that leaves its band is worth a signal."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tsfm_runner.config.fields import Count, Positive, Section

_SECONDS_PER_MINUTE = 60
_SECONDS_PER_HOUR = 3_600

Share = Annotated[float, Field(gt=0, lt=1)]
Move = Annotated[float, Field(ge=0, lt=1)]


class SignalsConfig(Section):
    """Breach signals: who enters, who leaves, and how many may be false."""

    enabled: bool = True
    """Hold every new price against the bands that were served for its time."""
    lookback_minutes: Positive = 60.0
    """Bands issued at most this long before a price judge it; always the newest."""
    min_move: Move = 0.05
    """A price this near the median of its band is no breach, however unlikely."""
    enter_p: Share = 0.2
    """A breach opens at a p-value of at most this: outside the 10/90 interval."""
    min_steps: Count = 1
    """Prices in a row outside before a breach opens."""
    severe_p: Share = 0.1
    """From this p-value on a breach is `severe`: outside the 90 % interval too."""
    extreme_p: Share = 0.01
    """From this p-value on a breach is `extreme`."""
    recovery_p: Share = 0.3
    """A price is inside again when its p-value is above this."""
    recovery_steps: Count = 2
    """Prices in a row inside before a breach closes."""
    cooldown_minutes: Annotated[float, Field(ge=0)] = 60.0
    """How long after it closed the same market opens none that is not worse."""
    false_alarm_share: Share = 0.2
    """The budget: of the signals of a cycle over all watched markets, the share whose
    price may be back where its band had expected it, `lookback_minutes` later."""
    return_move: Move = 0.03
    """A price this near the median of the band it had left is back."""
    stale_steps: Positive = 2.0
    """A price older than so many steps of its band opens nothing, and a breach whose
    market has been silent for that long closes."""
    follow_move: Share = 0.03
    """A breach is followed when the price goes on by this, in the same direction."""
    follow_hours: Positive = 6.0
    """For how long a breach may be followed."""
    reference_prior: Positive = 1_000.0
    """How many observations the false alarms expected at first are worth."""
    reference_half_life: Positive = 200_000.0
    """Observations after which one counts half in what false alarms look like."""

    @property
    def lookback_s(self) -> float:
        """How old a band may be that judges a price, in seconds."""
        return self.lookback_minutes * _SECONDS_PER_MINUTE

    @property
    def cooldown_s(self) -> float:
        """The cool-down in seconds."""
        return self.cooldown_minutes * _SECONDS_PER_MINUTE

    @property
    def follow_s(self) -> float:
        """For how long a breach may be followed, in seconds."""
        return self.follow_hours * _SECONDS_PER_HOUR

    @model_validator(mode="after")
    def _thresholds_are_ordered(self) -> Self:
        if not self.extreme_p <= self.severe_p <= self.enter_p <= self.recovery_p:
            msg = (
                "extreme_p, severe_p, enter_p and recovery_p must ascend: "
                f"{self.extreme_p}, {self.severe_p}, {self.enter_p}, {self.recovery_p}"
            )
            raise ValueError(msg)
        return self
