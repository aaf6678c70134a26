"""Forecast many markets in parts that run side by side, as the batch route does."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TypeAlias

from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.service.forecasting import ForecastService, Refusal
from tsfm_runner.service.grouping import chunks

Part: TypeAlias = list[tuple[int, ServedForecast | Refusal]]


async def forecast_in_parts(
    service: ForecastService,
    tasks: Sequence[ForecastTask],
    *,
    size: int,
    deadline_s: float,
) -> AsyncGenerator[Part]:
    """Yield parts of at most ``size`` outcomes as they finish, each with its position.

    Parts start in order, so that the first tasks are the first to meet a model. What
    still runs when the caller turns away is cancelled.
    """

    async def answer(places: Sequence[int]) -> Part:
        outcomes = await service.forecast_many(
            [tasks[place] for place in places], deadline_s=deadline_s
        )
        return list(zip(places, outcomes, strict=True))

    parts = chunks(range(len(tasks)), size)
    running = [asyncio.create_task(answer(places)) for places in parts]
    try:
        for finished in asyncio.as_completed(running):
            yield await finished
    finally:
        for call in running:
            call.cancel()
