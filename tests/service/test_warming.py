"""History is replayed in the order of time, on the grid, hole by hole."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import CacheConfig, Settings, StoreConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.warming import (
    History,
    Replay,
    ReplayClock,
    count_origins,
    histories_of,
    replay,
)

STEP_S = 300
DAY = 5_000_000  # steps since 1970
NO_FACTS = MarketFacts()


def parts(
    times_s: list[float], prices: list[float], max_gap_s: float = 600
) -> list[tuple[int, list[float]]]:
    found = histories_of(
        "m",
        np.array(times_s),
        np.array(prices),
        step_s=STEP_S,
        max_gap_s=max_gap_s,
        facts=NO_FACTS,
    )
    return [(one.first_step, one.prices.tolist()) for one in found]


def test_the_last_price_of_a_step_is_its_price() -> None:
    assert parts([290, 300, 301, 600], [0.1, 0.2, 0.3, 0.4]) == [(1, [0.2, 0.4])]


def test_a_price_stands_until_another_comes_or_the_gap_is_too_long() -> None:
    told = parts([300, 1_200, 3_000, 3_300], [0.1, 0.2, 0.3, 0.4])

    assert told == [(1, [0.1, 0.1, 0.1, 0.2, 0.2, 0.2]), (10, [0.3, 0.4])]


def test_at_least_one_step_is_filled() -> None:
    assert parts([300, 900], [0.1, 0.2], max_gap_s=1) == [(1, [0.1, 0.1, 0.2])]


def test_what_is_unknown_or_alone_is_left_out() -> None:
    assert parts([300, 600, 6_000], [0.1, float("nan"), 0.2]) == [(1, [0.1, 0.1, 0.1])]
    assert parts([300], [0.1]) == []
    assert parts([300], [float("nan")]) == []


def history(name: str, first_step: int, n: int, seed: int) -> History:
    walk = np.random.default_rng(seed).normal(0, 0.01, n).cumsum()
    return History(name, first_step, np.clip(0.5 + walk, 0.01, 0.99), NO_FACTS)


def step_of(served: ServedForecast) -> float:
    return served.task.cutoff.timestamp() / STEP_S - DAY


async def answers_to(histories: list[History], *baselines: str) -> list[ServedForecast]:
    return await all_answers(histories, Replay(Frequency.parse("5m"), 3, baselines))


async def all_answers(histories: list[History], asked: Replay) -> list[ServedForecast]:
    settings = Settings(cache=CacheConfig(ttl_s=0), store=StoreConfig(url="sqlite://"))
    clock = ReplayClock()
    served: list[ServedForecast] = []
    async with open_backend(settings, clock=clock) as backend:
        bands = replay(backend.forecasts, histories, asked, clock=clock)
        async for answers in bands:
            assert {one.task.cutoff.timestamp() for one in answers} == {clock.now_s}
            served += answers
    return served


async def test_every_market_is_asked_for_at_each_step_from_its_second_price() -> None:
    histories = [history("a", DAY, 5, 1), history("b", DAY + 2, 3, 2)]

    served = await answers_to(histories, "ewma", "har")

    asked = [(step_of(one), one.task.market_id, one.task.model.name) for one in served]
    steps = {"a": (1, 2, 3, 4), "b": (3, 4)}
    assert asked == sorted(asked, key=lambda one: one[0])
    assert sorted(asked) == sorted(
        (step, name, base)
        for name, of in steps.items()
        for step in of
        for base in ("ewma", "har")
    )
    assert len(served) == 2 * count_origins(histories)


async def test_a_task_sees_no_price_after_its_cutoff() -> None:
    told = history("a", DAY, 400, 1)

    served = await answers_to([told], "ewma")

    for one in served:
        n_known = round(step_of(one)) + 1
        context = one.task.context
        np.testing.assert_array_equal(context, told.prices[:n_known][-288:])


async def test_time_without_markets_is_passed_over() -> None:
    far = history("a", 2 * DAY, 2, 2)

    served = await answers_to([history("a", DAY, 2, 1), far], "ewma")

    assert [one.task.cutoff for one in served] == [
        datetime.fromtimestamp(STEP_S * step, UTC) for step in (DAY + 1, 2 * DAY + 1)
    ]


async def test_a_model_of_a_runtime_is_replayed_once_it_has_points_enough() -> None:
    asked = Replay(Frequency.parse("5m"), 3, ("tsfm-mini",), "embedded")
    least = Settings().preparation.min_points

    served = await all_answers([history("a", DAY, least + 2, 1)], asked)

    answered_by = [one.provenance.model_name for one in served]
    assert answered_by == ["ewma"] * (least - 2) + ["tsfm-mini"] * 3


async def test_a_replay_cannot_ask_for_what_is_no_baseline() -> None:
    with pytest.raises(InvalidTaskError, match="must be one of ewma"):
        await answers_to([history("a", DAY, 3, 1)], "nobody")
