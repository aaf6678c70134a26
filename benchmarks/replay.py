"""Replays a panel through the service in the order of time, as if it were live."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from panels import Origins, Panel
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import CacheConfig, CalibrationConfig, Settings, StoreConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, MarketFacts, ModelChoice, Transform

BandArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
HORIZON = 12
CONTEXT_LENGTH = 288
NO_SEGMENT = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What the service answered at each origin, and what that cost.

    ``raw`` and ``calibrated`` have shape ``(n_origins, horizon, n_levels)``;
    ``segments`` and ``statuses`` are those of the certificates, as places in
    ``segment_names`` and ``status_names``.
    """

    raw: BandArray
    calibrated: BandArray
    segments: IntArray
    segment_names: tuple[str, ...]
    statuses: IntArray
    status_names: tuple[str, ...]
    cpu_us_per_origin: float
    elapsed_s: float


class Clock:
    """Stands at the moment that is replayed, so that no deadline passes."""

    def __init__(self) -> None:
        """Start in 1970."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the moment in epoch seconds."""
        return self.now_s


class _Record:
    """Collects answers as they come."""

    def __init__(self, n_origins: int) -> None:
        shape = (n_origins, HORIZON, len(LEVELS))
        self.raw = np.full(shape, np.nan, dtype=np.float32)
        self.calibrated = np.full(shape, np.nan, dtype=np.float32)
        self.segments = np.zeros(n_origins, dtype=np.int64)
        self.statuses = np.zeros(n_origins, dtype=np.int64)
        self.segment_codes: dict[str, int] = {}
        self.status_codes: dict[str, int] = {}

    def take(self, first: int, outcomes: Sequence[object]) -> None:
        """Keep the answers of neighbouring origins."""
        for place, served in enumerate(outcomes, first):
            if not isinstance(served, ServedForecast):
                raise TypeError(f"origin {place} was refused: {served}")
            self.raw[place] = served.raw_values
            self.calibrated[place] = served.values
            segment = served.certificate.segment
            status = served.certificate.status
            codes, marks = self.segment_codes, self.status_codes
            self.segments[place] = codes.setdefault(segment, len(codes))
            self.statuses[place] = marks.setdefault(status, len(marks))


async def replay(
    panel: Panel, origins: Origins, *, base: str, config: CalibrationConfig
) -> Replayed:
    """Ask at each moment for every market that has a price then."""
    clock = Clock()
    settings = Settings(
        cache=CacheConfig(ttl_s=0),
        store=StoreConfig(url="sqlite://"),
        calibration=config,
    )
    record = _Record(origins.places.size)
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"{panel.spec.name} {base}", total=len(record.raw))
        async with open_backend(settings, clock=clock, keeps=True) as backend:
            for first, tasks in _batches(panel, origins, base):
                clock.now_s = tasks[0].cutoff.timestamp()
                outcomes = await backend.forecasts.forecast_many(tasks, deadline_s=60)
                record.take(first, outcomes)
                progress.advance(bar, len(tasks))
    cpu_s = time.process_time() - started_cpu_s
    return Replayed(
        record.raw,
        record.calibrated,
        record.segments,
        tuple(record.segment_codes),
        record.statuses,
        tuple(record.status_codes),
        1e6 * cpu_s / len(record.raw),
        time.perf_counter() - started_s,
    )


def _batches(
    panel: Panel, origins: Origins, base: str
) -> Iterator[tuple[int, list[ForecastTask]]]:
    """Yield the place of the first origin of each moment, and the tasks of all."""
    settings = Settings().task
    freq = Frequency.parse(panel.spec.freq)
    transform = Transform(settings.space, settings.eps)
    choice = ModelChoice("baseline", base)
    facts = [_facts(panel, market) for market in range(len(panel.market_ids))]
    edges = np.flatnonzero(np.diff(origins.steps, prepend=-1, append=-1))
    stops = origins.places + 1
    begins = np.maximum(origins.runs, stops - CONTEXT_LENGTH)
    for first, last in pairwise(edges.tolist()):
        cutoff = datetime.fromtimestamp(origins.steps[first] * freq.step_s, UTC)
        yield (
            first,
            [
                ForecastTask(
                    market_id=panel.market_ids[origins.markets[place]],
                    cutoff=cutoff,
                    freq=freq,
                    horizon=HORIZON,
                    quantile_levels=LEVELS,
                    context=panel.prices[begins[place] : stops[place]],
                    transform=transform,
                    model=choice,
                    facts=facts[origins.markets[place]],
                )
                for place in range(first, last)
            ],
        )


def _facts(panel: Panel, market: int) -> MarketFacts:
    closes_at_s = panel.closes_at_s[market]
    return MarketFacts(
        category=panel.categories[market],
        event_id=panel.event_ids[market],
        closes_at=(
            datetime.fromtimestamp(closes_at_s, UTC)
            if np.isfinite(closes_at_s)
            else None
        ),
    )
