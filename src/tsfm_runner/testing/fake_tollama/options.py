"""What the double is told before it starts, and the little it remembers after."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tsfm_runner.testing.fake_tollama.refusals import RefusalError

NEWEST_GENERATION = 7
FAULT_HEADER = "X-Fake-Fault"
LATENCY_HEADER = "X-Fake-Latency-Ms"


class Fault(StrEnum):
    """What can go wrong with a forecast; several of them touch its first series."""

    LATENCY = "latency"
    UNAVAILABLE = "503"
    FORECAST_ERROR = "502_forecast_error"
    INTERNAL = "500"
    RATE_LIMITED = "429"
    DROP = "drop"
    HANG = "hang"
    NAN = "nan"
    CROSSING = "crossing"
    SHORT = "short"
    MISSING_QUANTILE = "missing_quantile"
    REORDER = "reorder"
    THIN = "thin"
    OUT_OF_RANGE = "out_of_range"
    NOT_JSON = "not_json"
    SLOW_DRIP = "slow_drip"


@dataclass(frozen=True, slots=True)
class FakeTollamaOptions:
    """How the double behaves; checked when it is made."""

    models: tuple[str, ...] = ("chronos2", "mock")
    api_key: str | None = None
    generation: int = NEWEST_GENERATION
    latency_ms: float = 0.0
    is_serial: bool = True
    fault: Fault | None = None
    fault_rate: float = 1.0
    fault_latency_ms: float = 3000.0
    bad_series: frozenset[str] = frozenset()
    max_body_mb: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what the double could not do."""
        if not 0 <= self.generation <= NEWEST_GENERATION:
            raise ValueError(f"generation must be 0 to {NEWEST_GENERATION}")
        if not 0 <= self.fault_rate <= 1:
            raise ValueError("fault_rate must lie in [0, 1]")
        if min(self.latency_ms, self.fault_latency_ms) < 0 or self.max_body_mb < 1:
            raise ValueError("latencies and sizes must be positive")


@dataclass(slots=True)
class Memory:
    """All that changes while the double runs.

    ``loaded`` holds the time at which a model is unloaded, or None for never.
    """

    options: FakeTollamaOptions
    fault: Fault | None
    fault_rate: float
    rng: random.Random
    installed: set[str]
    loaded: dict[str, datetime | None] = field(default_factory=dict)
    runner: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_closing: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, options: FakeTollamaOptions) -> "Memory":
        """Return the memory of a double that has just been made."""
        return cls(
            options=options,
            fault=options.fault,
            fault_rate=options.fault_rate,
            rng=random.Random(options.seed),  # noqa: S311 - dice, no secret
            installed=set(options.models),
        )

    def draw_fault(self, headers: Mapping[str, str]) -> Fault | None:
        """Return the fault of one request: the one it asks for, else by chance."""
        wanted = headers.get(FAULT_HEADER)
        if wanted == "none":
            return None
        if wanted is not None:
            return _fault_named(wanted)
        if self.fault is None or self.rng.random() >= self.fault_rate:
            return None
        return self.fault

    async def work(self, duration_s: float) -> None:
        """Take so long, unless the server is closing."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.is_closing.wait(), duration_s)

    def latency_s(self, headers: Mapping[str, str], fault: Fault | None) -> float:
        """Return how long the runner works on one request."""
        wanted = headers.get(LATENCY_HEADER)
        try:
            latency_ms = self.options.latency_ms if wanted is None else float(wanted)
        except ValueError:
            raise RefusalError(400, f"no number in {LATENCY_HEADER}") from None
        extra_ms = self.options.fault_latency_ms if fault is Fault.LATENCY else 0.0
        return max(latency_ms + extra_ms, 0.0) / 1000


def _fault_named(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        names = ", ".join(Fault)
        raise RefusalError(400, f"{FAULT_HEADER} must be one of {names}") from None
