"""An answer is written once; how it is served is told anew each time."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.api.wire import HOW_SERVED, a_request, in_memory

from tsfm_runner.api.answers import answer_to_wire
from tsfm_runner.api.translate import read_task
from tsfm_runner.api.writing import whole, write
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.forecast import CacheUse, ServedForecast
from tsfm_runner.domain.task import ForecastTask


@pytest.fixture
async def served() -> ServedForecast:
    task = read_task(a_request(), TaskConfig())
    assert isinstance(task, ForecastTask)
    async with open_backend(in_memory()) as backend:
        [answer] = await backend.forecasts.forecast_many([task], deadline_s=1)
    assert isinstance(answer, ServedForecast)
    return answer


def _told(head: bytes, served: ServedForecast) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads(whole(head, served))["meta"]
    return {name: meta[name] for name in HOW_SERVED}


async def test_whole_answer_is_what_was_written_and_how_it_was_served(
    served: ServedForecast,
) -> None:
    answer = json.loads(whole(write(served).head, served))

    meta = answer["meta"]
    for name in HOW_SERVED:
        del meta[name]
    assert answer == json.loads(json.dumps(answer_to_wire(served)))


@pytest.mark.parametrize(
    ("use", "hit", "stale", "age_s"),
    [
        (None, False, False, None),
        (CacheUse(0.0, is_stale=False), True, False, 0.0),
        (CacheUse(59.9994, is_stale=False), True, False, 59.999),
        (CacheUse(12_345.6789, is_stale=True), True, True, 12_345.679),
    ],
)
async def test_how_an_answer_is_served_is_told(
    served: ServedForecast,
    use: CacheUse | None,
    *,
    hit: bool,
    stale: bool,
    age_s: float | None,
) -> None:
    again = replace(served, cache=use, latency_ms=1.23456)

    told = _told(write(served).head, again)

    assert told == {
        "cache_hit": hit,
        "cache_stale": stale,
        "cache_age_s": age_s,
        "latency_ms": 1.235,
    }


@pytest.mark.parametrize("latency_ms", [0.0, 1e-9, 0.0004, 1e7])
async def test_latency_is_a_plain_number(
    served: ServedForecast, latency_ms: float
) -> None:
    head = write(served).head

    told = _told(head, replace(served, latency_ms=latency_ms))

    assert told["latency_ms"] == pytest.approx(latency_ms, abs=0.0005)
