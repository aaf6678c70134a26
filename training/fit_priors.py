"""Learns the priors that are shipped with the package, on simulated markets only.

Simulated markets are replayed through the service, which calibrates the bands of
each baseline, and of the model that is shipped, from nothing. What it has learned at
the end is the prior. What a model draws is learned of these very weights: another
file of it needs another prior.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from priors_file import BASELINES, MODELS, PRIORS, as_text, check, with_learned
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import CacheConfig, CalibrationConfig, Settings, StoreConfig
from tsfm_runner.core.conformal.cells import cell_of
from tsfm_runner.domain.forecast import FallbackReason, ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import MarketFacts, Provider
from tsfm_runner.service.calibration.arrays import ByCell
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.warming import (
    History,
    Replay,
    ReplayClock,
    count_origins,
    replay,
)
from tsfm_runner.testing.markets import GENERATOR_VERSION, simulate_markets

FloatArray = npt.NDArray[np.float64]

DIGITS = 6
RIDGE = 100.0  # keeps weights near 0 that few scores speak of
END = datetime(2026, 1, 1, tzinfo=UTC)


class Recording(NamedTuple):
    """Markets of one length; ``share`` of all those at the cadence."""

    n_steps: int
    share: float


class Run(NamedTuple):
    """One replay; ``market_share`` of the markets asked for take part in it.

    A cell of steps is learned in the runs of the shortest horizon that reaches it.
    """

    freq: str
    horizon: int
    market_share: float
    recordings: tuple[Recording, ...]


_FIVE_MINUTES = (Recording(60, 0.3), Recording(300, 0.5), Recording(576, 0.2))
_HOURLY = (Recording(56, 0.5), Recording(96, 0.2), Recording(168, 0.2))
RUNS = (
    Run("5m", 12, 1.0, _FIVE_MINUTES),
    Run("1h", 12, 1.0, (*_HOURLY, Recording(432, 0.1))),
    Run("5m", 48, 0.4, _FIVE_MINUTES),
    Run("1h", 48, 0.4, (*_HOURLY, Recording(432, 0.1))),
)


def simulated_histories(run: Run, n_markets: int, *, seed: int) -> list[History]:
    """Draw the markets of a replay; recordings follow one another in time.

    Their ends are spread over the time of the longest, so that young and old
    markets stand side by side.
    """
    step_s = Frequency.parse(run.freq).step_s
    rng = np.random.default_rng(seed)
    histories: list[History] = []
    for recording in run.recordings:
        n_parts = max(1, run.recordings[-1].n_steps // recording.n_steps)
        n_each = max(1, round(n_markets * recording.share * run.market_share / n_parts))
        for part in range(n_parts):
            end = END - timedelta(seconds=part * recording.n_steps * step_s)
            drawn = int(rng.integers(2**31))
            histories += _histories(n_each, recording, step_s, seed=drawn, end=end)
    return histories


def _histories(
    n_markets: int, recording: Recording, step_s: int, *, seed: int, end: datetime
) -> Iterator[History]:
    markets = simulate_markets(
        n_markets, n_steps=recording.n_steps, step_s=step_s, seed=seed, end=end
    )
    first_step = int(markets.times[0].timestamp()) // step_s
    for listing, prices in zip(markets.listings, markets.prices, strict=True):
        facts = MarketFacts(
            category=listing.category,
            event_id=listing.event_id,
            closes_at=listing.closes_at,
        )
        yield History(listing.market_id, first_step, prices, facts)


def learn(
    run: Run,
    histories: Sequence[History],
    names: Sequence[str],
    tell: Callable[[int], None],
) -> dict[str, ByCell]:
    """Replay markets through the service; return what it learned of each name.

    They are all baselines, or all models. A model looks at the time to the close, so
    it is told only of every other event: live callers often do not tell it either.
    """
    provider: Provider = "baseline" if names[0] in BASELINES else "embedded"
    if provider == "embedded":
        histories = [half_told(one) for one in histories]
    asked = Replay(Frequency.parse(run.freq), run.horizon, tuple(names), provider)
    settings = Settings(
        cache=CacheConfig(ttl_s=0),
        calibration=CalibrationConfig(shadow=False, prior_scores=0),
        store=StoreConfig(url="sqlite://"),
    )
    return asyncio.run(_learn(settings, histories, asked, tell))


def half_told(history: History) -> History:
    """Return a history without its close, if its event has an odd number."""
    number = int(str(history.facts.event_id).rpartition("-")[2])
    if number % 2 == 0:
        return history
    return replace(history, facts=replace(history.facts, closes_at=None))


async def _learn(
    settings: Settings,
    histories: Sequence[History],
    asked: Replay,
    tell: Callable[[int], None],
) -> dict[str, ByCell]:
    clock = ReplayClock()
    async with open_backend(settings, clock=clock) as backend:
        # Nothing of the priors that are shipped now may come back in the new ones.
        state = CalibrationState(settings.calibration, settings.drift, priors={})
        backend.calibrator.state = state
        async for answers in replay(backend.forecasts, histories, asked, clock=clock):
            require_asked(answers)
            tell(len(answers))
    for learned in state.learned.values():
        learned.stream.learn(now_s=clock.now_s)
    return {
        key.model_name: learned.stream.cell
        for key, learned in state.learned.items()
        if key.model_name in asked.models
    }


def require_asked(answers: Sequence[ServedForecast]) -> None:
    """Leave with an error where another answered than who was asked.

    Of a market that is too young for a model a baseline speaks, and nobody learns
    of the model.
    """
    for one in answers:
        reason = one.provenance.fallback_reason
        if reason not in {None, FallbackReason.TOO_FEW_POINTS}:
            raise SystemExit(f"{one.task.model.name} did not answer: {reason}")


def fit_priors(
    n_markets: int, *, seed: int, names: Sequence[str] = BASELINES
) -> dict[str, Any]:
    """Replay every run and pool what was learned; plain lists, ready for JSON."""
    seeds = np.random.default_rng(seed).integers(2**31, size=len(RUNS)).tolist()
    drawn = [
        simulated_histories(run, n_markets, seed=one)
        for run, one in zip(RUNS, seeds, strict=True)
    ]
    total = len(names) * sum(map(count_origins, drawn))
    alike = [[one for one in names if one in kind] for kind in (BASELINES, MODELS)]
    learned: dict[int, list[dict[str, ByCell]]] = {}
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("learning", total=total)

        def tell(n_bands: int) -> None:
            progress.advance(bar, n_bands)

        for run, histories in zip(RUNS, drawn, strict=True):
            found: dict[str, ByCell] = {}
            for some in filter(None, alike):
                found |= learn(run, histories, some, tell)
            learned.setdefault(run.horizon, []).append(found)
    return {
        name: as_lists(
            [
                pooled([found[name] for found in learned[horizon]], horizon)
                for horizon in sorted(learned)
            ]
        )
        for name in names
    }


class Pooled(NamedTuple):
    """What is known of each cell up to a horizon; see ``Prior``."""

    shares: FloatArray
    weights: FloatArray
    precision: FloatArray


def pooled(parts: Sequence[ByCell], horizon: int) -> Pooled:
    """Return what streams have learned together, up to the cell of a horizon.

    Each counts as its scores do; weights as firmly as they are known.
    """
    n_cells = int(cell_of(np.array([horizon]))[0]) + 1
    counts = sum(part.overall[:n_cells] for part in parts)
    precision = sum(part.precision[:n_cells] for part in parts)
    moments = sum(
        np.einsum("cij,cj->ci", part.precision[:n_cells], part.weights[:n_cells])
        for part in parts
    )
    total = np.asarray(counts).sum(axis=1)
    firm = np.asarray(precision)
    firm = firm + RIDGE * np.eye(firm.shape[-1])
    return Pooled(
        np.asarray(counts) / total[:, None],
        np.linalg.solve(firm, np.asarray(moments)[..., None])[..., 0],
        np.asarray(precision) / total[:, None, None],
    )


def as_lists(parts: Sequence[Pooled]) -> dict[str, Any]:
    """Return each cell from the shortest horizon that reaches it, as plain lists."""
    columns: list[list[Any]] = [[], [], []]
    for part in parts:
        for column, array in zip(columns, part, strict=True):
            column += [_rounded(row) for row in array[len(column) :]]
    return dict(zip(Pooled._fields, columns, strict=True))


def _rounded(row: FloatArray) -> Any:  # noqa: ANN401 - lists of numbers, nested
    return np.vectorize(lambda value: float(f"{value:.{DIGITS}g}"))(row).tolist()


def main() -> None:
    """Learn the priors and write them where the package reads them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20260102)
    parser.add_argument("--out", type=Path, default=PRIORS)
    parser.add_argument(
        "--only",
        choices=(*BASELINES, *MODELS),
        action="append",
        help="learn this one, and leave the others as they are; repeatable",
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with the file; write nothing"
    )
    options = parser.parse_args()
    names = tuple(options.only or (*BASELINES, *MODELS))
    held = {}
    if options.check or (options.only and options.out.exists()):
        held = json.loads(options.out.read_text(encoding="utf-8"))
    how = {
        "generator_version": GENERATOR_VERSION,
        "n_markets": options.markets,
        "seed": options.seed,
        "runs": RUNS,
    }
    priors = fit_priors(options.markets, seed=options.seed, names=names)
    if options.check:
        check(held, priors, how)
        print(f"{options.out}: {', '.join(names)} as learned just now")
        return
    text = as_text(with_learned(held, priors, how))
    options.out.write_text(text, encoding="utf-8")
    print(f"{options.out}: {len(text)} bytes")
    for name, prior in priors.items():
        for cell in (0, 5, 11, 17):
            print(name, cell, *(f"{w:.3f}" for w in prior["weights"][cell]))


if __name__ == "__main__":
    main()
