"""Opens the calibration: what was learned before, and where it goes on from there."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tsfm_runner.adapters.ledger import SqliteLedger, open_ledger, read_state
from tsfm_runner.adapters.no_ledger import NoLedger
from tsfm_runner.adapters.telemetry import Metrics, Teller
from tsfm_runner.bootstrap.tools import Tools
from tsfm_runner.config import CalibrationConfig, Settings
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.ledger import LedgerContents
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.ports import Clock, Ledger
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.describing import Describer
from tsfm_runner.service.calibration.pending import Pending
from tsfm_runner.service.calibration.persisting import restore
from tsfm_runner.service.calibration.priors import Prior
from tsfm_runner.service.calibration.resuming import resume
from tsfm_runner.service.calibration.snapshots import keep_snapshots, snapshot
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.feed import Feed
from tsfm_runner.service.meanwhile import meanwhile
from tsfm_runner.service.signals.engine import Bounds, SignalEngine
from tsfm_runner.service.signals.references import References

_SWEEP_INTERVAL_S = 2.0

Publish: TypeAlias = Callable[[BreachSignal], None]


class Watched(NamedTuple):
    """The calibration, and who watches what it is told."""

    calibrator: Calibrator
    signals: SignalEngine


def _to_nobody(_: BreachSignal) -> None:
    """Drop a signal."""


async def _keep_sweeping(calibrator: Calibrator) -> None:
    """Look at silent markets every so often, until cancelled."""
    while True:
        await asyncio.sleep(_SWEEP_INTERVAL_S)
        calibrator.sweep()


def load_har_table() -> HarTable:
    """Return the constants of the HAR band that are shipped."""
    document = files("tsfm_runner") / "data" / "har.json"
    return HarTable.from_mapping(json.loads(document.read_text(encoding="utf-8")))


def load_priors() -> Mapping[str, Prior]:
    """Return what is shipped of baselines and of our own model, by their names."""
    document = files("tsfm_runner") / "data" / "priors.json"
    priors = json.loads(document.read_text(encoding="utf-8"))["priors"]
    return {name: Prior.from_mapping(one) for name, one in priors.items()}


@contextmanager
def calibrator_to_ask(
    settings: Settings, table: HarTable, teller: Teller
) -> Generator[Watched]:
    """Open what was learned for one who asks and lets nothing be learned for good."""
    state = read_state(settings.store.url)
    contents = LedgerContents(state, (), (), frozenset(), 1, 1)
    yield _calibrator(
        settings,
        table,
        teller,
        ledger=NoLedger(),
        contents=contents,
        wall_clock=time.time,
    )


@asynccontextmanager
async def calibrator_to_keep(
    settings: Settings,
    table: HarTable,
    tools: Tools,
    feed: Feed,
) -> AsyncIterator[Watched]:
    """Open the ledger, go on from it, and write everything down until the end."""
    teller, wall_clock = tools.teller, tools.wall_clock
    with open_ledger(
        settings.store, tell=teller.ledger_changed, now=wall_clock
    ) as ledger:
        delay_s = settings.calibration.max_outcome_delay_s
        contents = ledger.read(awaited_after_s=wall_clock() - delay_s)
        watched = _calibrator(
            settings,
            table,
            teller,
            ledger=ledger,
            contents=contents,
            wall_clock=wall_clock,
            publish=feed.signal,
        )
        calibrator = watched.calibrator
        _watch(tools.metrics, ledger, watched)
        keeping = keep_snapshots(
            calibrator, wall_clock, interval_s=settings.store.snapshot_interval_s
        )
        try:
            async with meanwhile(keeping), meanwhile(_keep_sweeping(calibrator)):
                yield watched
        finally:
            ledger.append([snapshot(calibrator, wall_clock)])


@contextmanager
def calibrator_to_warm(
    settings: Settings, table: HarTable, tools: Tools, feed: Feed
) -> Generator[Watched]:
    """Open the ledger to teach history to what was learned, or to nothing if fresh.

    At the end the state is written down, and nothing else; after a failure not even
    that. Bands that wait in the ledger are left to the service.
    """
    teller, wall_clock = tools.teller, tools.wall_clock
    with open_ledger(settings.store, tell=teller.ledger_changed) as ledger:
        contents = ledger.read(awaited_after_s=math.inf)
        if tools.purpose == "warm anew":
            contents = replace(contents, state=None, forecasts=(), scores=())
        contents = replace(contents, breaches=())
        watched = _calibrator(
            settings,
            table,
            teller,
            ledger=NoLedger(),
            contents=contents,
            wall_clock=wall_clock,
            publish=feed.signal,
        )
        calibrator = watched.calibrator
        live, calibrator.pending = calibrator.pending, _pending(settings.calibration)
        for learned in calibrator.state.learned.values():
            learned.stream.rewind(now_s=wall_clock())
        yield watched
        calibrator.pending = live
        applied = contents.next_score_id - 1
        taken = snapshot(calibrator, time.time)
        ledger.append([replace(taken, applied_score_id=applied)])


def read_learned(settings: Settings, path: Path) -> CalibrationState:
    """Return what stands in the newest state of another ledger.

    Raises ``UnreadableInputError`` where there is none, and ``CalibrationStateError``
    where it cannot be read.
    """
    entry = read_state(f"sqlite:///{path}")
    if entry is None:
        raise UnreadableInputError(f"{path} holds no calibration state")
    state = _new_state(settings)
    restore(state, entry.blob)
    return state


def _new_state(settings: Settings) -> CalibrationState:
    return CalibrationState(settings.calibration, settings.drift, load_priors())


def _pending(config: CalibrationConfig) -> Pending:
    return Pending(max_bytes=config.max_pending_bytes, max_markets=config.max_markets)


def _calibrator(  # noqa: PLR0913 - one argument a collaborator
    settings: Settings,
    table: HarTable,
    teller: Teller,
    *,
    ledger: Ledger,
    contents: LedgerContents,
    wall_clock: Clock,
    publish: Publish = _to_nobody,
) -> Watched:
    config = settings.calibration
    state, pending = _new_state(settings), _pending(config)
    numbers = resume(
        contents,
        state,
        pending,
        now_s=wall_clock(),
        max_delay_s=config.max_outcome_delay_s,
    )
    signals = SignalEngine(
        settings.signals,
        References(settings.signals, state.false_alarms),
        Bounds(config.max_markets, contents.next_signal_id),
    )
    closings_s = {one.market_id: one.closes_at_s for one in contents.forecasts}
    signals.restore(contents.breaches, closings_s, now_s=wall_clock())
    calibrator = Calibrator(
        state,
        pending,
        numbers=numbers,
        describer=Describer(table),
        ledger=ledger,
        telemetry=teller,
        wall_clock=wall_clock,
        watch=signals,
        publish=publish,
    )
    return Watched(calibrator, signals)


def _watch(metrics: Metrics, ledger: SqliteLedger, watched: Watched) -> None:
    calibrator, signals = watched
    metrics.watch(
        "tsfm_ledger_lag_seconds",
        "How long the oldest entry of the ledger has waited to be written.",
        lambda: ledger.lag_s,
    )
    metrics.watch_count(
        "tsfm_ledger_let_go",
        "Forecasts that were let go because the ledger could not be written.",
        lambda: ledger.n_let_go,
    )
    metrics.watch(
        "tsfm_breaches_open",
        "Breaches that are open now.",
        lambda: len(signals.open_breaches),
    )
    metrics.watch(
        "tsfm_markets_watched",
        "Markets whose newest price was held against a band lately.",
        lambda: signals.n_watched,
    )
    metrics.watch(
        "tsfm_bands_waiting",
        "Bands that wait for outcomes.",
        lambda: len(calibrator.pending),
    )
    metrics.watch_count(
        "tsfm_bands_dropped",
        "Bands that were dropped before all their outcomes came.",
        lambda: calibrator.pending.n_dropped,
    )
    metrics.watch(
        "tsfm_coverage_target_ratio",
        "The coverage that target intervals promise.",
        lambda: calibrator.state.config.target_coverage,
    )
    metrics.watch_coverage(calibrator.state.targets)
