"""What the service needs from the outside, as protocols."""

from tsfm_runner.ports.keeping import Ledger
from tsfm_runner.ports.running import (
    Cache,
    Clock,
    ForecastRuntime,
    KeyRing,
    RateLimiter,
    Value,
    Verdicts,
)
from tsfm_runner.ports.telling import (
    DeadLetters,
    ReadFigures,
    SignalReceiver,
    Span,
    SpanKind,
    Telemetry,
    Tracer,
)
from tsfm_runner.ports.working import Arrays, ReadArrays, Workers, WorkStore

__all__ = [
    "Arrays",
    "Cache",
    "Clock",
    "DeadLetters",
    "ForecastRuntime",
    "KeyRing",
    "Ledger",
    "RateLimiter",
    "ReadArrays",
    "ReadFigures",
    "SignalReceiver",
    "Span",
    "SpanKind",
    "Telemetry",
    "Tracer",
    "Value",
    "Verdicts",
    "WorkStore",
    "Workers",
]
