import asyncio
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import FakeClock
from tests.service.builders import CUTOFF, SERIES, completer, prepared, router, task

from tsfm_runner.adapters.memory_cache import MemoryCache
from tsfm_runner.config import CacheConfig
from tsfm_runner.domain.forecast import FallbackReason, ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, MarketFacts, ModelChoice, Transform
from tsfm_runner.service.completing import Journey
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.remembering import Memory, fingerprint

FACTS = MarketFacts("mid", "weather", "e", CUTOFF, 0.01, 60, "mid")
CHOICE = ModelChoice("auto", "chronos2", "main", {"seed": 1, "deep": {"a": 1, "b": 2}})
TIMES_S = CUTOFF.timestamp() + 300.0 * np.arange(1 - SERIES.size, 1)
BAND = RawBand(np.tile([0.3, 0.4, 0.5], (3, 1)), {}, (), 1)
NEW_FACTS: dict[str, Any] = {
    "liquidity_bucket": "high",
    "category": "sports",
    "event_id": "f",
    "closes_at": CUTOFF + timedelta(seconds=1),
    "tick_size": 0.001,
    "max_gap_minutes": 61,
    "y_definition": "last",
}
NEW_CHOICES: dict[str, Any] = {
    "provider": "tollama",
    "name": "toto",
    "version": "other",
    "params": {"seed": 1, "deep": {"a": 1, "b": 3}},
}
NEW_FIELDS: dict[str, Any] = {
    "market_id": "n",
    "cutoff": CUTOFF + timedelta(seconds=1),
    "freq": Frequency.parse("1h"),
    "horizon": 4,
    "quantile_levels": (0.1, 0.5, 0.91),
    "context": SERIES[::-1],
    "transform": Transform("logit", 1e-6),
    "times_s": None,
    "past_covariates": {"v": np.arange(1, SERIES.size + 1, dtype=float)},
    "future_covariates": {"v": np.array([1.0, 2.0, 4.0])},
    "model": ModelChoice(),
    "facts": MarketFacts(),
}


def full_task() -> ForecastTask:
    """Return a task that leaves no field out; its parts are built anew each time."""
    return task(
        SERIES.copy(),
        times_s=TIMES_S.copy(),
        past_covariates={"v": np.arange(SERIES.size, dtype=float)},
        future_covariates={"v": np.array([1.0, 2.0, 3.0])},
        model=replace(CHOICE, params=dict(CHOICE.params)),
        facts=replace(FACTS),
    )


def changed_tasks() -> Iterator[tuple[str, ForecastTask]]:
    """Yield tasks that differ from the full one in one single thing."""
    whole = full_task()
    for name, value in NEW_FACTS.items():
        for told in (value, None):
            yield f"facts.{name}", replace(whole, facts=replace(FACTS, **{name: told}))
    for name, value in NEW_CHOICES.items():
        yield f"model.{name}", replace(whole, model=replace(CHOICE, **{name: value}))
    yield "model.params", replace(whole, model=replace(CHOICE, params={}))
    yield "transform.eps", replace(whole, transform=Transform("identity", 1e-5))
    for name, value in NEW_FIELDS.items():
        more: dict[str, Any] = {}
        if name == "horizon":
            more = {"future_covariates": {"v": np.array([1.0, 2.0, 3.0, 3.0])}}
        if name == "cutoff":
            more = {"times_s": TIMES_S + 1}
        yield name, replace(whole, **{name: value}, **more)


def test_equal_tasks_have_equal_keys() -> None:
    assert fingerprint(full_task()) == fingerprint(full_task())


def test_the_order_of_names_changes_no_key() -> None:
    columns = {"a": np.zeros(60), "b": np.ones(60)}
    params = {"seed": 1, "deep": {"a": 1, "b": 2}}
    other = {"deep": {"b": 2, "a": 1}, "seed": 1}

    one = task(past_covariates=columns, model=ModelChoice(params=params))
    two = task(
        past_covariates=dict(reversed(columns.items())), model=ModelChoice(params=other)
    )

    assert fingerprint(one) == fingerprint(two)


@pytest.mark.parametrize(("name", "changed"), list(changed_tasks()))
def test_whatever_changes_changes_the_key(name: str, changed: ForecastTask) -> None:
    assert name
    assert fingerprint(changed) != fingerprint(full_task())


def test_every_field_is_changed_here() -> None:
    assert set(NEW_FIELDS) == {field.name for field in fields(ForecastTask)}
    assert set(NEW_FACTS) == {field.name for field in fields(MarketFacts)}
    assert set(NEW_CHOICES) == {field.name for field in fields(ModelChoice)}
    assert {field.name for field in fields(Transform)} == {"space", "eps"}


def test_the_same_moment_in_another_zone_is_told_apart() -> None:
    elsewhere = CUTOFF.astimezone(timezone(timedelta(hours=9)))

    assert fingerprint(task(cutoff=elsewhere)) != fingerprint(task(cutoff=CUTOFF))


def test_a_value_does_not_slip_from_one_field_into_the_next() -> None:
    one = task(facts=MarketFacts(category="a", event_id=None))
    two = task(facts=MarketFacts(category=None, event_id="a"))
    past = {"v": np.zeros(60)}
    three = task(horizon=60, past_covariates=past)
    four = task(horizon=60, past_covariates=past, future_covariates=past)

    assert len({fingerprint(each) for each in (one, two, three, four)}) == 4


@given(
    one=st.lists(st.sampled_from([0.0, 0.5, np.nan]), min_size=1, max_size=5),
    two=st.lists(st.sampled_from([0.0, 0.5, np.nan]), min_size=1, max_size=5),
)
def test_keys_are_equal_where_the_prices_are(
    one: list[float], two: list[float]
) -> None:
    are_equal = np.array_equal(one, two, equal_nan=True)

    keys = [fingerprint(task([0.5, *prices])) for prices in (one, two)]

    assert (keys[0] == keys[1]) is are_equal


def test_numbers_of_numpy_are_told_like_those_of_python() -> None:
    theirs = task(
        horizon=np.int64(3),
        quantile_levels=tuple(np.array([0.1, 0.5, 0.9])),
        model=ModelChoice(params={"temperature": np.float64(0.5)}),
    )
    ours = task(model=ModelChoice(params={"temperature": 0.5}))

    assert fingerprint(theirs) == fingerprint(ours)


def test_no_key_is_made_of_what_cannot_be_told() -> None:
    with pytest.raises(TypeError, match="no key can be made of object"):
        fingerprint(task(model=ModelChoice(params={"odd": object()})))


class Rig:
    """A memory over a cache in this process, and the clock that both read."""

    def __init__(self, **config: float) -> None:
        self.clock = FakeClock()
        self.config = CacheConfig.model_validate(config)
        self.cache = MemoryCache[ServedForecast](self.config.max_bytes, self.clock)
        self.version = self.policy_number = 0
        self.memory = Memory(
            self.config,
            self.cache,
            self.clock,
            state_version=lambda: self.version,
            policy_number=lambda: self.policy_number,
        )

    def answer(
        self, market_id: str = "m", reason: FallbackReason | None = None
    ) -> tuple[bytes, ServedForecast]:
        """Return a key, and an answer that is computed now."""
        asked = prepared(market_id=market_id)
        route = router().plan(asked)
        if reason is not None:
            route = route.skip(reason)
        [served] = completer(clock=self.clock).complete(
            [Journey(asked, route, None, self.clock(), None if reason else BAND)]
        )
        return fingerprint(asked.task), served

    def keep(
        self, market_id: str = "m", reason: FallbackReason | None = None
    ) -> tuple[bytes, ServedForecast]:
        key, served = self.answer(market_id, reason)
        self.memory.keep(key, served)
        return key, served

    def after(self, seconds: float) -> "Rig":
        self.clock.now_s += seconds
        return self


def test_an_answer_is_fresh_for_sixty_seconds() -> None:
    rig = Rig()
    key, served = rig.keep()

    before = rig.after(59.9).memory.fresh(key)
    later = rig.after(0.1).memory.fresh(key)

    assert before is served
    assert later is None


def test_an_answer_may_stand_in_for_a_model_for_two_minutes_more() -> None:
    rig = Rig()
    key, served = rig.keep()

    before = rig.after(179.9).memory.stale(key)
    later = rig.after(0.1).memory.stale(key)

    assert before is served
    assert later is None


def test_an_answer_is_fresh_no_longer_when_something_was_learned() -> None:
    rig = Rig()
    key, served = rig.keep()

    rig.version += 1

    assert not rig.memory.is_current(served)
    assert rig.memory.fresh(key) is None
    assert rig.memory.stale(key) is served


def test_what_was_never_kept_is_not_there() -> None:
    rig = Rig()
    key, _ = rig.answer()

    assert rig.memory.fresh(key) is None
    assert rig.memory.stale(key) is None


@pytest.mark.parametrize("reason", list(FallbackReason))
def test_only_a_reason_that_lasts_lets_a_baseline_be_kept(
    reason: FallbackReason,
) -> None:
    rig = Rig()
    key, served = rig.keep(reason=reason)

    kept = rig.memory.fresh(key)

    assert (kept is served) is reason.is_lasting
    assert (rig.memory.fresh_until_s(served) == 60) is reason.is_lasting


def test_reasons_that_last_are_those_of_the_task_itself() -> None:
    assert {reason for reason in FallbackReason if reason.is_lasting} == {
        FallbackReason.TOO_FEW_POINTS,
        FallbackReason.MAX_GAP_EXCEEDED,
        FallbackReason.BASELINE_ONLY_LIQUIDITY,
        FallbackReason.ROUTE_POLICY,
    }


def test_a_baseline_never_stands_in_for_a_model() -> None:
    rig = Rig()
    key, _ = rig.keep(reason=FallbackReason.TOO_FEW_POINTS)

    assert rig.memory.stale(key) is None


def test_the_age_of_an_answer_counts_from_when_it_was_computed() -> None:
    rig = Rig()
    rig.after(7)
    _, served = rig.answer()

    rig.after(3)

    assert rig.memory.age_s(served) == 3
    assert rig.memory.fresh_until_s(served) == 67


def test_with_no_time_to_live_nothing_is_kept() -> None:
    rig = Rig(ttl_s=0)
    key, _ = rig.keep()

    assert rig.memory.fresh(key) is None
    assert rig.memory.stale(key) is None
    assert rig.cache.n_bytes == 0


def test_the_time_to_live_is_configurable() -> None:
    rig = Rig(ttl_s=5)
    key, served = rig.keep()

    assert rig.after(4.9).memory.fresh(key) is served
    assert rig.after(0.1).memory.fresh(key) is None


def test_how_long_an_answer_may_stand_in_is_configurable() -> None:
    rig = Rig(stale_if_error_s=1)
    key, served = rig.keep()

    assert rig.after(60.9).memory.stale(key) is served
    assert rig.after(0.1).memory.stale(key) is None


def test_what_was_not_asked_for_longest_leaves_first_when_the_room_is_full() -> None:
    one_answer = Rig()
    one_answer.keep()
    rig = Rig(max_bytes=2 * one_answer.cache.n_bytes)
    keys = {name: rig.keep(name)[0] for name in "ab"}

    rig.memory.fresh(keys["a"])
    keys["c"], _ = rig.keep("c")

    kept = {name for name, key in keys.items() if rig.memory.fresh(key) is not None}
    assert kept == {"a", "c"}
    assert rig.cache.n_bytes <= rig.config.max_bytes


def test_a_longer_series_takes_more_room() -> None:
    rig = Rig()
    key, served = rig.answer()
    longer = replace(served, task=replace(served.task, context=np.full(600, 0.5)))

    rig.memory.keep(key, served)
    n_bytes = rig.cache.n_bytes
    rig.memory.keep(key, longer)

    assert rig.cache.n_bytes - n_bytes == 8 * (600 - SERIES.size)


def test_an_answer_with_more_values_takes_more_room() -> None:
    rig = Rig()
    key, served = rig.answer()

    rig.memory.keep(key, served)
    n_bytes = rig.cache.n_bytes
    rig.memory.keep(key, replace(served, values=np.zeros((300, 3))))

    assert rig.cache.n_bytes - n_bytes >= 8 * 3 * 297


async def test_who_asks_meanwhile_finds_the_flight_until_it_has_landed() -> None:
    rig = Rig()
    key, served = rig.answer()

    before = rig.memory.flight(key)
    flight = rig.memory.take_off(key)
    found = rig.memory.flight(key)
    flight.set_result(served)
    rig.memory.land(key)

    assert before is None
    assert found is flight
    assert rig.memory.flight(key) is None
    assert await flight is served


async def test_a_flight_that_lands_without_an_answer_leaves_nobody_waiting() -> None:
    rig = Rig()
    key, _ = rig.answer()
    flight = rig.memory.take_off(key)

    rig.memory.land(key)

    with pytest.raises(asyncio.CancelledError):
        await flight
