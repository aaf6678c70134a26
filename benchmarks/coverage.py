"""Raw coverage, width and Winkler score of each baseline, through the service.

Origins are drawn from every market; the service sees what was known at the origin
and is held against what followed. Events weigh alike. Coverage is closed
(lower <= y <= upper) and open (lower < y < upper): many prices do not move, and a
band is right when its target lies between the two.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tsfm_runner.adapters.files.series import MarketSeries, split_markets
from tsfm_runner.adapters.files.sources import MarketTable, open_path
from tsfm_runner.adapters.files.tasks import NATIVE, Question, ask_each
from tsfm_runner.adapters.settings import load_settings
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ForecastTask, ModelChoice
from tsfm_runner.facade import answer_all
from tsfm_runner.service.routing import BASELINE_METHODS
from tsfm_runner.testing.markets import simulate_markets, to_frames

FloatArray = npt.NDArray[np.float64]

STEPS = (1, 6, 12)
LEVELS = (0.1, 0.5, 0.9)
MISCOVERAGE = 0.2
EQUAL = 1e-7
MAX_AGE_S = 3_600


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A task, and what followed it at each of `STEPS`."""

    task: ForecastTask
    outcomes: FloatArray


def origins(
    table: MarketTable, settings: Settings, *, freq: str, n_origins: int, seed: int
) -> Iterator[Origin]:
    """Yield origins of each market whose outcomes are all known."""
    rng = np.random.default_rng(seed)
    config = settings.task.model_copy(
        update={"freq": freq, "horizon": max(STEPS), "quantile_levels": LEVELS}
    )
    question = Question.from_config(config)
    for market in split_markets(table.points, table.known):
        if isinstance(market, MarketSeries):
            yield from _origins_of(market, question, n_origins, rng)


def _origins_of(
    market: MarketSeries, question: Question, n_origins: int, rng: np.random.Generator
) -> Iterator[Origin]:
    whole = next(ask_each([market], question))
    if not isinstance(whole, ForecastTask):
        return
    step_s, times_s = whole.freq.step_s, market.times_s
    last_s = times_s[-1] - max(STEPS) * step_s
    usable = np.flatnonzero(times_s <= last_s)[1:]
    drawn = np.sort(rng.permutation(usable)[:n_origins])
    cut = [
        replace(market, times_s=times_s[: at + 1], prices=market.prices[: at + 1])
        for at in drawn
    ]
    asked = replace(question, freq=whole.freq)
    for at, task in zip(drawn, ask_each(cut, asked), strict=True):
        outcomes = _outcomes(market, float(times_s[at]), step_s)
        if isinstance(task, ForecastTask) and np.isfinite(outcomes).all():
            yield Origin(task, outcomes)


def _outcomes(market: MarketSeries, origin_s: float, step_s: int) -> FloatArray:
    """Return the last price at or before each step, NaN where it is stale."""
    wanted_s = origin_s + step_s * np.array(STEPS)
    at = np.searchsorted(market.times_s, wanted_s, side="right") - 1
    age_s = wanted_s - market.times_s[at]
    return np.where(age_s <= max(MAX_AGE_S, step_s), market.prices[at], np.nan)


async def bands(
    tasks: Sequence[ForecastTask], settings: Settings, *, method: str
) -> FloatArray:
    """Return lower and upper edges of shape (n_tasks, n_steps, 2)."""
    choice = ModelChoice("baseline", method)
    asked = (replace(task, model=choice) for task in tasks)
    served: list[ServedForecast] = []
    progress = track(
        range(-(-len(tasks) // 256)), f"{method:17}", console=Console(stderr=True)
    )
    batches = iter(progress)
    async for part in answer_all(settings, asked):
        next(batches)
        served += part.served
    next(batches, None)
    rows = [step - 1 for step in STEPS]
    return np.stack([answer.raw_values[rows][:, [0, -1]] for answer in served])


def score(edges: FloatArray, outcomes: FloatArray, weights: FloatArray) -> FloatArray:
    """Return closed and open coverage, width and Winkler score, each by step."""
    lower, upper = edges[..., 0], edges[..., 1]
    closed = (lower <= outcomes + EQUAL) & (outcomes <= upper + EQUAL)
    inside = (lower < outcomes - EQUAL) & (outcomes < upper - EQUAL)
    width = upper - lower
    missed = np.maximum(lower - outcomes, 0) + np.maximum(outcomes - upper, 0)
    winkler = width + 2 / MISCOVERAGE * missed
    scores = np.stack([closed, inside, width, winkler]).astype(float)
    return np.asarray(np.einsum("sot,o->st", scores, weights))


def event_weights(tasks: Sequence[ForecastTask]) -> FloatArray:
    """Return weights of sum one with which every event weighs alike."""
    events = [task.facts.event_id or task.market_id for task in tasks]
    _, place, counts = np.unique(events, return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[place] / counts.size)


def simulated() -> MarketTable:
    """Return simulated markets, read as files are."""
    end = datetime(2026, 1, 1, tzinfo=UTC)
    markets = simulate_markets(400, n_steps=576, step_s=300, seed=1, end=end)
    with TemporaryDirectory() as name:
        for table, frame in zip(("markets", "prices"), to_frames(markets), strict=True):
            frame.write_parquet(Path(name) / f"{table}.parquet")
        return _table(Path(name), ())


def _table(folder: Path, where: Sequence[str]) -> MarketTable:
    table = open_path(folder, where=where)
    if not isinstance(table, MarketTable):
        raise typer.BadParameter("must hold tables of markets and prices")
    return table


def main(
    data: Annotated[
        Path | None, typer.Option(help="Folder of recorded markets; unset: simulated.")
    ] = None,
    freq: Annotated[str, typer.Option(help="A step such as 5m, or native.")] = NATIVE,
    n_origins: Annotated[int, typer.Option("--origins", help="Origins a market.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the origins.")] = 20260220,
) -> None:
    """Print a table of scores, one row a method and step.

    Settings come from file and environment as for the program itself.
    """
    settings = load_settings(config_file=None, environ=os.environ, flags={}).settings
    table = simulated() if data is None else _table(data, ("core_intraday",))
    drawn = list(origins(table, settings, freq=freq, n_origins=n_origins, seed=seed))
    tasks = [origin.task for origin in drawn]
    outcomes = np.stack([origin.outcomes for origin in drawn])
    weights = event_weights(tasks)
    title = (
        f"Raw 80 % bands at {freq}: {len(tasks):,} origins, "
        f"{len({task.market_id for task in tasks}):,} markets ({os.cpu_count()} cores)"
    )
    shown = Table("method", "step", "closed", "open", "width", "Winkler", title=title)
    for method in BASELINE_METHODS:
        edges = asyncio.run(bands(tasks, settings, method=method))
        by_step = score(edges, outcomes, weights).T
        for step, (closed, inside, width, winkler) in zip(STEPS, by_step, strict=True):
            numbers = (f"{closed:.3f}", f"{inside:.3f}", f"{width:.4f}")
            shown.add_row(method, str(step), *numbers, f"{winkler:.4f}")
    Console().print(shown)


if __name__ == "__main__":
    typer.run(main)
