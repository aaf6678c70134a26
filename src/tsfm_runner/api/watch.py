"""What the edge of a process tells, measures and keeps."""

from collections.abc import Callable
from dataclasses import dataclass

from tsfm_runner.api.writing import Written
from tsfm_runner.ports import Cache, Clock, ReadFigures, Telemetry, Tracer
from tsfm_runner.service.untraced import UNTRACED


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of requests, the clocks, new ids, and the answers written lately."""

    telemetry: Telemetry
    exposition: Callable[[], bytes]
    written: Cache[Written]
    clock: Clock
    new_id: Callable[[], str]
    wall_clock: Clock
    figures: ReadFigures
    tracer: Tracer = UNTRACED
