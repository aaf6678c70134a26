"""A service that counts, as a gate reads it."""

from dataclasses import dataclass, field, replace

from tsfm_runner.domain.gating import CoverageCounts, Reading

START_S = 1_771_588_800.0  # 2026-02-20T12:00:00Z
BOUNDS_S = (0.1, 0.2, 0.3, 0.5, 1.0)
TARGET = 0.9


def a_reading(**fields: object) -> Reading:
    """Return a reading of a service that has just begun, but for some fields."""
    new = Reading(
        time_s=START_S,
        started_at_s=START_S - 100,
        rollout_percent=5.0,
        n_requests=0,
        n_errors=0,
        n_forecasts=0,
        n_fallbacks=0,
        n_invalid=0,
        n_timed=0,
        durations=tuple((bound, 0.0) for bound in BOUNDS_S),
        breaker_open_s=0,
        coverage=CoverageCounts(TARGET, 0, 0, 0, None),
    )
    return replace(new, **fields)  # type: ignore[arg-type]


@dataclass
class Live:
    """A service whose counts grow, and all readings of it so far."""

    now: Reading = field(default_factory=a_reading)
    readings: list[Reading] = field(init=False)

    def __post_init__(self) -> None:
        self.readings = [self.now]

    def read(
        self,
        *,
        after_s: float = 60.0,
        slow: float = 0,
        outcomes: tuple[float, float, float] = (0, 0, 0),
        **grown: float,
    ) -> None:
        """Let some counts grow, and read them.

        All forecasts were asked for alone and took 0.1 to 0.2 s, but for the slow
        ones, which took 0.3 to 0.5 s; outcomes are all, closed and open, of which 20
        are worth one. Without a number of requests there are as many as forecasts.
        """
        now = self.now
        n = grown.get("n_forecasts", 0)
        grown = {"n_requests": n, "n_timed": n} | grown
        counts = {name: getattr(now, name) + more for name, more in grown.items()}
        within = (0, n - slow, n - slow, n, n)
        n_all, closed, inside = (
            old + new for old, new in zip(now.coverage[1:4], outcomes, strict=True)
        )
        target, worth = now.coverage.target, n_all / 20 if n_all else None
        self.now = replace(
            now,
            time_s=now.time_s + after_s,
            durations=tuple(
                (bound, count + more)
                for (bound, count), more in zip(now.durations, within, strict=True)
            ),
            coverage=CoverageCounts(target, n_all, closed, inside, worth),
            **counts,
        )
        self.readings.append(self.now)

    def restart(self, *, after_s: float) -> None:
        """Let the service begin anew, so long after the last reading; unread."""
        began_s = self.now.time_s + after_s
        self.now = a_reading(
            time_s=began_s,
            started_at_s=began_s,
            rollout_percent=self.now.rollout_percent,
            coverage=self.now.coverage,
        )
