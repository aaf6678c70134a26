"""Replay what markets did, so that the calibration learns before it serves."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import (
    FloatArray,
    ForecastTask,
    MarketFacts,
    ModelChoice,
    Provider,
    Transform,
)
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.grouping import chunks

MIN_RUN = 2
LEVELS = (0.1, 0.5, 0.9)
_MAX_TOGETHER = 128
_DEADLINE_S = 60.0  # never passes: the clock stands still in a step


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Prices of one market on the grid of a frequency, without a hole.

    ``prices`` has shape (n_steps,), at least two; the first stands at step
    ``first_step``, counted from 1970.
    """

    market_id: str
    first_step: int
    prices: FloatArray
    facts: MarketFacts

    @property
    def last_step(self) -> int:
        """The step of the last price."""
        return self.first_step + self.prices.size - 1


@dataclass(frozen=True, slots=True)
class Replay:
    """What is asked at each step: the same of every market, of each model.

    All models are of one provider, and named.
    """

    freq: Frequency
    horizon: int
    models: tuple[str, ...]
    provider: Provider = "baseline"


class ReplayClock:
    """Stands at the moment that is replayed, so that no deadline passes."""

    def __init__(self, now_s: float = 0.0) -> None:
        """Start at a moment in epoch seconds."""
        self.now_s = now_s

    def __call__(self) -> float:
        """Return the moment in epoch seconds."""
        return self.now_s


def histories_of(  # noqa: PLR0913 - one argument a fact of the market
    market_id: str,
    times_s: FloatArray,
    prices: FloatArray,
    *,
    step_s: int,
    max_gap_s: float,
    facts: MarketFacts,
) -> Iterator[History]:
    """Yield the parts of a market's recording between holes, put onto the grid.

    The price of a step is the last one up to its end; it stands for as long as
    ``max_gap_s``, at least one step, while no other comes. Times ascend.
    """
    is_known = np.isfinite(prices)
    steps = np.ceil(times_s[is_known] / step_s).astype(np.int64)
    known = prices[is_known]
    if not steps.size:
        return
    is_last = np.append(steps[1:] != steps[:-1], True)
    steps, known = steps[is_last], known[is_last]
    max_fill = max(1, int(max_gap_s // step_s))
    gaps = np.diff(steps)
    edges = np.concatenate(([0], np.flatnonzero(gaps > max_fill + 1) + 1, [steps.size]))
    for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        repeats = np.append(np.diff(steps[first:stop]), 1)
        if stop < steps.size:
            repeats[-1] += max_fill
        if repeats.sum() >= MIN_RUN:
            row = np.repeat(known[first:stop], repeats)
            yield History(market_id, int(steps[first]), row, facts)


def count_origins(histories: Sequence[History]) -> int:
    """Return how many bands of each model a replay asks for."""
    return sum(one.prices.size - MIN_RUN + 1 for one in histories)


async def replay(
    forecasts: ForecastService,
    histories: Sequence[History],
    asked: Replay,
    *,
    clock: ReplayClock,
) -> AsyncIterator[list[ServedForecast]]:
    """Ask for bands at every step of every market, in the order of time.

    Yields the answers of each call, all of one step and one model; the clock
    stands at that step. The next request of a market carries what became of them.
    """
    question = _Question(forecasts.settings, asked)
    for step, active in _steps(histories):
        clock.now_s = float(step * asked.freq.step_s)
        for part in chunks(active, _MAX_TOGETHER):
            for name in asked.models:
                tasks = [question.ask(one, step, name) for one in part]
                yield await _answers(forecasts, tasks)


async def _answers(
    forecasts: ForecastService, tasks: Sequence[ForecastTask]
) -> list[ServedForecast]:
    outcomes = await forecasts.forecast_many(tasks, deadline_s=_DEADLINE_S)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return [one for one in outcomes if isinstance(one, ServedForecast)]


class _Question:
    """Makes the task of a market at a step."""

    def __init__(self, settings: Settings, asked: Replay) -> None:
        self._asked = asked
        self._length = settings.preparation.context_length
        self._transform = Transform(settings.task.space, settings.task.eps)

    def ask(self, history: History, step: int, name: str) -> ForecastTask:
        stop = step - history.first_step + 1
        freq = self._asked.freq
        return ForecastTask(
            market_id=history.market_id,
            cutoff=datetime.fromtimestamp(step * freq.step_s, UTC),
            freq=freq,
            horizon=self._asked.horizon,
            quantile_levels=LEVELS,
            context=history.prices[max(0, stop - self._length) : stop],
            transform=self._transform,
            model=ModelChoice(self._asked.provider, name),
            facts=history.facts,
        )


def _steps(histories: Sequence[History]) -> Iterator[tuple[int, list[History]]]:
    """Yield each step with the markets that have two prices by then, and one now."""
    waiting = sorted(histories, key=lambda one: one.first_step, reverse=True)
    active: list[History] = []
    step = 0
    while waiting or active:
        step = step + 1 if active else waiting[-1].first_step + 1
        while waiting and waiting[-1].first_step < step:
            active.append(waiting.pop())
        active = [one for one in active if one.last_step >= step]
        if active:
            yield step, active
