"""One market under watch: when a breach opens, gets worse, and closes."""

import hashlib
import math
from dataclasses import dataclass, replace

from tsfm_runner.config import SignalsConfig
from tsfm_runner.domain.signals import (
    SEVERITIES,
    BreachSignal,
    CloseReason,
    Direction,
    Severity,
)
from tsfm_runner.service.signals.trials import MarketKey, Trial

_UNNUMBERED = 0


def severity_of(p_value: float, config: SignalsConfig) -> Severity:
    """Return how unlikely a price is, in a word."""
    if p_value <= config.extreme_p:
        return "extreme"
    return "severe" if p_value <= config.severe_p else "moderate"


def is_worse(one: Severity, other: Severity) -> bool:
    """Return whether a severity is above another."""
    return SEVERITIES.index(one) > SEVERITIES.index(other)


def dedupe_key(key: MarketKey, direction: Direction, opened_at_s: float) -> str:
    """Return the name of a breach: the same in every replay, and for no other."""
    parts = (key.market_id, str(key.step_s), direction, f"{opened_at_s:.3f}")
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


@dataclass(slots=True, eq=False)
class Episode:
    """What a market has been doing; ``open`` is its breach, ``last`` the one before.

    A process that has gone on from another since ``resumed_s`` may not know the last
    prices that the other was told: silence counts from then.
    """

    config: SignalsConfig
    ts_s: float
    closes_at_s: float | None = None
    n_outside: int = 0
    n_inside: int = 0
    direction: Direction = "up"
    open: BreachSignal | None = None
    last: BreachSignal | None = None
    resumed_s: float = -math.inf

    @property
    def heard_s(self) -> float:
        """Since when the market has been silent."""
        return max(self.ts_s, self.resumed_s)

    def resume(self, signal: BreachSignal, now_s: float) -> list[BreachSignal]:
        """Go on with a breach; an older one that is open still has lost its end."""
        lost = self.end(0.0)
        self.ts_s = max(self.ts_s, signal.ts_s)
        self.resumed_s = now_s
        self.direction = signal.direction
        if signal.is_open:
            self.open, self.n_outside = signal, signal.n_steps
        else:
            self.last = signal
        return lost

    def meet(self, trial: Trial) -> list[BreachSignal]:
        """Take a new price; return what it does to the breach that is open."""
        self.ts_s = trial.ts_s
        limit = self.config.enter_p if self.open is None else self.config.recovery_p
        if trial.far_p_value > limit:
            return self._inside(trial)
        self.n_inside = 0
        if trial.direction != self.direction or not self.n_outside:
            self.direction, self.n_outside = trial.direction, 0
        self.n_outside += 1
        if self.open is None:
            return []
        if self.open.direction != trial.direction:
            return self._close("turned", trial.ts_s, price=trial.price)
        return self._go_on(self.open, trial)

    def _go_on(self, breach: BreachSignal, trial: Trial) -> list[BreachSignal]:
        """Take a price that is still outside; return whether that makes it worse."""
        self.open = replace(
            breach,
            ts_s=trial.ts_s,
            price=trial.price,
            p_value=min(breach.p_value, trial.p_value),
            n_steps=self.n_outside,
        )
        severity = severity_of(trial.p_value, self.config)
        if not is_worse(severity, breach.severity):
            return []
        self.open = replace(
            self.open, phase="escalated", severity=severity, band=trial.band
        )
        return [self.open]

    def _inside(self, trial: Trial) -> list[BreachSignal]:
        self.n_inside += 1
        if self.open is not None and self.n_inside < self.config.recovery_steps:
            return []
        self.n_outside = 0
        return self._close("recovered", trial.ts_s, price=trial.price)

    def enter(self, trial: Trial, q_value: float, now_s: float) -> list[BreachSignal]:
        """Return the breach that a price outside with this q-value opens, if any."""
        if self.open is not None:
            return []
        severity = severity_of(trial.p_value, self.config)
        late_s = self.config.stale_steps * trial.key.step_s
        is_silent = (
            now_s - trial.ts_s > late_s
            or self.n_outside < self.config.min_steps
            or q_value > self.config.false_alarm_share
            or self._is_cooling(severity, trial.ts_s)
        )
        if is_silent:
            return []
        self.open = BreachSignal(
            id=_UNNUMBERED,
            dedupe_key=dedupe_key(trial.key, trial.direction, trial.ts_s),
            market_id=trial.key.market_id,
            event_id=trial.event_id,
            phase="opened",
            severity=severity,
            direction=trial.direction,
            opened_at_s=trial.ts_s,
            opened_price=trial.price,
            ts_s=trial.ts_s,
            price=trial.price,
            p_value=trial.p_value,
            q_value=q_value,
            n_steps=self.n_outside,
            band=trial.band,
            recorded_at_s=now_s,
        )
        return [self.open]

    def _is_cooling(self, severity: Severity, ts_s: float) -> bool:
        last = self.last
        return (
            last is not None
            and last.closed_at_s is not None
            and ts_s < last.closed_at_s + self.config.cooldown_s
            and not is_worse(severity, last.severity)
        )

    def has_closed(self, at_s: float) -> bool:
        """Whether the market was to close by then."""
        return self.closes_at_s is not None and self.closes_at_s <= at_s

    def end(self, silent_s: float) -> list[BreachSignal]:
        """Close the breach, if there is one, of a market closed or so long silent."""
        end_s = self.heard_s + silent_s
        if self.closes_at_s is not None and self.closes_at_s <= end_s:
            return self._close("market_closed", self.closes_at_s)
        return self._close("stale", end_s)

    def _close(
        self, reason: CloseReason, at_s: float, *, price: float | None = None
    ) -> list[BreachSignal]:
        """Close the breach, if one is open, and remember it."""
        if self.open is None:
            return []
        closed = replace(
            self.open, phase="closed", closed_at_s=at_s, close_reason=reason
        )
        if price is not None:
            closed = replace(closed, ts_s=at_s, price=price)
        self.open, self.last = None, closed
        return [closed]
