"""Many tasks run in parts, and nothing of them outlives the caller."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import cast

from tests.service.builders import task

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ForecastTask, ModelChoice
from tsfm_runner.errors import ModelNotAllowedError
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.parts import forecast_in_parts


async def test_every_task_has_its_outcome_in_parts_of_the_size() -> None:
    tasks = [task(market_id=f"m{number}") for number in range(5)]

    async with open_backend(Settings()) as backend:
        parts = [
            part
            async for part in forecast_in_parts(
                backend.forecasts, tasks, size=2, deadline_s=5
            )
        ]

    outcomes = {place: each for part in parts for place, each in part.items()}
    assert sorted(map(len, parts)) == [1, 2, 2]
    for place, asked in enumerate(tasks):
        outcome = outcomes[place]
        assert isinstance(outcome, ServedForecast)
        assert outcome.task.market_id == asked.market_id


async def test_a_refusal_stands_in_its_place() -> None:
    forbidden = ModelChoice(provider="tollama", name="moirai-2.0-R-small")
    tasks = [task(market_id="a"), task(market_id="b", model=forbidden)]
    settings = Settings(environment="prod")

    async with open_backend(settings) as backend:
        [part] = [
            part
            async for part in forecast_in_parts(
                backend.forecasts, tasks, size=9, deadline_s=5
            )
        ]

    assert isinstance(part[0], ServedForecast)
    assert isinstance(part[1], ModelNotAllowedError)


class HangingService:
    """Answers the first part, and counts those that are cancelled after it."""

    def __init__(self) -> None:
        self.n_cancelled = 0

    async def forecast_many(
        self, tasks: Sequence[ForecastTask], *, deadline_s: float
    ) -> list[object]:
        if tasks[0].market_id == "first":
            return [None]
        try:
            await asyncio.sleep(deadline_s)
        except asyncio.CancelledError:
            self.n_cancelled += 1
            raise
        return []


async def test_what_still_runs_is_cancelled_when_the_caller_turns_away() -> None:
    service = HangingService()
    tasks = [task(market_id=name) for name in ("first", "second", "third")]
    parts = forecast_in_parts(
        cast("ForecastService", service), tasks, size=1, deadline_s=600
    )

    async with aclosing(parts):
        [place] = await anext(parts)
    await asyncio.sleep(0)

    assert place == 0
    assert service.n_cancelled == 2
