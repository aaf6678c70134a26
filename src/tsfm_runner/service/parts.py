"""Answer many markets in parts that run side by side."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.service.forecasting import ForecastService, Outcome
from tsfm_runner.service.grouping import chunks

Result = TypeVar("Result")


async def in_parts(
    answer: Callable[[Sequence[int]], Coroutine[Any, Any, Result]],
    count: int,
    *,
    size: int,
) -> AsyncGenerator[Result]:
    """Yield what is answered to parts of the places 0 to ``count``, as they finish.

    A part has at most ``size`` places. Parts start in order, so that the first places
    are the first to meet a model. What still runs when the caller turns away is
    cancelled.
    """
    running = [
        asyncio.create_task(answer(places)) for places in chunks(range(count), size)
    ]
    try:
        for finished in asyncio.as_completed(running):
            yield await finished
    finally:
        for call in running:
            call.cancel()


def forecast_in_parts(
    service: ForecastService,
    tasks: Sequence[ForecastTask],
    *,
    size: int,
    deadline_s: float,
) -> AsyncGenerator[dict[int, Outcome]]:
    """Yield the outcomes of parts of the tasks, by place, as they finish."""

    async def answer(places: Sequence[int]) -> dict[int, Outcome]:
        outcomes = await service.forecast_many(
            [tasks[place] for place in places], deadline_s=deadline_s
        )
        return dict(zip(places, outcomes, strict=True))

    return in_parts(answer, len(tasks), size=size)
