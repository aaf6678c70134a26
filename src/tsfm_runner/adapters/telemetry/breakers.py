"""The state of breakers as gauges: of each model family, and the worst of a runtime."""

from prometheus_client import CollectorRegistry, Gauge

from tsfm_runner.domain.forecast import Rung

_MEANING = "0 closed, 1 half open, 2 open"


class BreakerGauges:
    """One gauge for each breaker, and one for the worst of each runtime."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Start with no runtime known."""
        self._worst = Gauge(
            "tsfm_breaker_state",
            f"{_MEANING}; the worst of a runtime.",
            ("runtime",),
            registry=registry,
        )
        self._each = Gauge(
            "tsfm_breaker_family_state",
            f"{_MEANING}; of each model family.",
            ("runtime", "family"),
            registry=registry,
        )
        self._states: dict[Rung, dict[str, int]] = {}

    def add_runtime(self, runtime: Rung) -> None:
        """Show a runtime none of whose models was asked yet."""
        self._states[runtime] = {}
        self._worst.labels(runtime).set(0)

    def enter(self, runtime: Rung, family: str, state: int) -> None:
        """Show the state that a breaker is in now."""
        states = self._states.setdefault(runtime, {})
        states[family] = state
        self._each.labels(runtime, family).set(state)
        self._worst.labels(runtime).set(max(states.values()))
