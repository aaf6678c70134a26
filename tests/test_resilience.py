"""Every setting of resilience acts on the whole service, as bootstrap makes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from tests.api.wire import BATCH, FORECAST, a_request, an_app, prices, with_tollama
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ModelCall
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeRefusedError,
    RuntimeUnavailableError,
)

Sections: TypeAlias = dict[str, dict[str, Any]]
Play: TypeAlias = Callable[[Settings], Awaitable[object]]

DOWN = RuntimeUnavailableError("down")
BAD_INPUT = RuntimeRefusedError("FORECAST_ERROR", is_input=True)
WAIT_S = 10.0
OUTCOMES = {"breaker_open": "o", "degraded": "d", "runtime_unavailable": "f", None: "m"}
SECTIONS = ("resilience", "breaker", "degradation", "cache")


class Scene:
    """The service before a runtime that does as it is told, and their clock."""

    def __init__(self, settings: Settings, *, is_held: bool) -> None:
        self.clock = FakeClock()
        self.failure: ForecastRuntimeError | None = None
        self.gate = asyncio.Semaphore(0)
        self.runtime = FakeRuntime(self._answer, gate=self.gate if is_held else None)
        self.app = an_app(settings, runtime=self.runtime, clock=self.clock)
        self.client = AsyncClient(
            transport=ASGITransport(self.app), base_url="http://tests"
        )
        self.n_asked = 0

    @property
    def sizes(self) -> list[int]:
        """How many series each call of the runtime had."""
        return [len(call.series) for call in self.runtime.calls]

    async def ask(self, name: str | None = None) -> Response:
        """Ask for one market; without a name, for one that nobody asked for yet."""
        return await self.client.post(FORECAST, json=self._request(name))

    async def meta(self, name: str | None = None) -> dict[str, Any]:
        told: dict[str, Any] = (await self.ask(name)).json()["meta"]
        return told

    async def ask_for(self, count: int) -> None:
        requests = [self._request(None) for _ in range(count)]
        await self.client.post(BATCH, json={"requests": requests})

    def asking(self) -> "asyncio.Task[Response]":
        return asyncio.create_task(self.ask())

    async def play(self, script: str) -> str:
        """Ask again and again: the runtime fails (x) or not (.), or time passes ( ).

        Returned is, for each time it was asked for, whether the model answered (m),
        failed (f), or was not asked: its breaker open (o) or it degraded (d).
        """
        told = []
        for sign in script:
            self.failure = DOWN if sign == "x" else None
            if sign == " ":
                self.clock.now_s += WAIT_S
            else:
                told.append(OUTCOMES[(await self.meta())["fallback_reason"]])
        return "".join(told)

    def _request(self, name: str | None) -> dict[str, Any]:
        self.n_asked += 1
        return a_request(market_id=name or f"m{self.n_asked}", y=prices(60))

    def _answer(self, call: ModelCall) -> Answers:
        if self.failure is not None:
            raise self.failure
        return flat_answers(call)


@asynccontextmanager
async def scene(settings: Settings, *, is_held: bool = False) -> AsyncIterator[Scene]:
    it = Scene(settings, is_held=is_held)
    async with it.client, it.app.site.router.lifespan_context(it.app.site):
        yield it


async def settled() -> None:
    """Wait until nothing happens any more unless a call is answered."""
    for _ in range(150):
        await asyncio.sleep(0)


async def times_of_calls(settings: Settings) -> object:
    async with scene(settings) as it:
        await it.ask()
        return it.runtime.timeouts_s


async def times_of_batch_calls(settings: Settings) -> object:
    async with scene(settings) as it:
        await it.ask_for(1)
        return it.runtime.timeouts_s


async def calls_of_one_that_is_down(settings: Settings) -> object:
    async with scene(settings) as it:
        it.failure = DOWN
        await it.ask()
        return len(it.runtime.calls)


async def calls_of_one_that_refuses_eight(settings: Settings) -> object:
    async with scene(settings) as it:
        it.failure = BAD_INPUT
        await it.ask_for(8)
        return len(it.runtime.calls)


async def calls_out_at_a_time(settings: Settings) -> object:
    async with scene(settings, is_held=True) as it:
        asking = []
        for _ in range(4):
            asking.append(it.asking())
            await settled()
        n_out = len(it.runtime.calls)
        for _ in asking:
            it.gate.release()
        await asyncio.gather(*asking)
        return n_out


async def one_request_beside_another(settings: Settings) -> object:
    async with scene(settings, is_held=True) as it:
        first = it.asking()
        await settled()
        second = it.asking()
        await settled()
        for _ in range(2):
            it.gate.release()
        await first
        reply = await second
        reason = reply.json()["meta"]["fallback_reason"] if reply.is_success else None
        return reply.status_code, reason


def outcomes_of(script: str) -> Play:
    async def play(settings: Settings) -> object:
        async with scene(settings) as it:
            return await it.play(script)

    return play


def sizes_after(script: str, count: int = 8) -> Play:
    """Return the sizes of the calls for one batch, after what happens in the script."""

    async def play(settings: Settings) -> object:
        async with scene(settings) as it:
            await it.play(script)
            n_before = len(it.sizes)
            it.failure = None
            await it.ask_for(count)
            return it.sizes[n_before:]

    return play


def hit_after(wait_s: float) -> Play:
    async def play(settings: Settings) -> object:
        async with scene(settings) as it:
            await it.ask("same")
            it.clock.now_s += wait_s
            return (await it.meta("same"))["cache_hit"]

    return play


async def reason_after_seventy_seconds(settings: Settings) -> object:
    async with scene(settings) as it:
        await it.ask("same")
        it.clock.now_s += 70
        it.failure = DOWN
        return (await it.meta("same"))["fallback_reason"]


@dataclass(frozen=True)
class Case:
    """One setting, its other value, what is played, and what each value leads to."""

    name: str
    value: float
    play: Play
    usual: object
    changed: object
    base: Sections = field(default_factory=dict)


ONE_TRY = {"resilience": {"max_retries": 0}}
BY_SHARE = ONE_TRY | {"breaker": {"max_failures": 99}}
NEVER_OPEN = ONE_TRY | {"breaker": {"max_failures": 99, "min_calls": 99}}
PROBING = ONE_TRY | {"breaker": {"max_failures": 2, "cooldown_s": 5}}

CASES = [
    Case("resilience.deadline_s", 1.5, times_of_calls, [2.0], [1.5]),
    Case("resilience.batch_deadline_s", 1.5, times_of_batch_calls, [2.0], [1.5]),
    Case("resilience.attempt_timeout_s", 0.5, times_of_calls, [2.0], [0.5]),
    Case("resilience.max_retries", 0, calls_of_one_that_is_down, 2, 1),
    Case("resilience.max_split_calls", 4, calls_of_one_that_refuses_eight, 15, 5),
    Case("resilience.min_attempt_s", 2.45, calls_of_one_that_is_down, 2, 1),
    Case("resilience.backoff_s", 0.8, calls_of_one_that_is_down, 2, 1),
    Case("resilience.max_calls_in_flight", 3, calls_out_at_a_time, 2, 3),
    Case(
        "resilience.max_in_flight",
        1,
        one_request_beside_another,
        (200, None),
        (200, "overloaded"),
    ),
    Case(
        "resilience.hard_max_in_flight",
        1,
        one_request_beside_another,
        (200, "overloaded"),
        (503, None),
        {"resilience": {"max_in_flight": 1}},
    ),
    Case("breaker.max_failures", 4, outcomes_of("xxxx"), "fffo", "ffff", ONE_TRY),
    Case(
        "breaker.failure_ratio",
        0.4,
        outcomes_of("......xxxx."),
        "mmmmmmffffm",
        "mmmmmmffffo",
        BY_SHARE,
    ),
    Case("breaker.min_calls", 4, outcomes_of("xxxx."), "ffffm", "ffffo", BY_SHARE),
    Case(
        "breaker.window_s",
        5,
        outcomes_of("....xxxx .x."),
        "mmmmffffmfo",
        "mmmmffffmfm",
        BY_SHARE,
    ),
    Case("breaker.cooldown_s", 5, outcomes_of("xxx ."), "fffo", "fffm", ONE_TRY),
    Case("breaker.probes", 1, outcomes_of("xx .x."), "ffmfo", "ffmfm", PROBING),
    Case(
        "degradation.degrade_above",
        0.5,
        sizes_after(".......xxx"),
        [4, 4],
        [8],
        NEVER_OPEN,
    ),
    Case(
        "degradation.restore_below",
        0.25,
        sizes_after(".......xxx........xx"),
        [4, 4],
        [8],
        NEVER_OPEN,
    ),
    Case(
        "degradation.baseline_only_above",
        0.9,
        sizes_after("..xxxxxxxx"),
        [],
        [4, 4],
        NEVER_OPEN,
    ),
    Case(
        "degradation.resume_below",
        0,
        sizes_after("xxxxxxxxxx ."),
        [4, 4],
        [],
        NEVER_OPEN,
    ),
    Case("degradation.min_calls", 5, sizes_after("...xx"), [8], [4, 4], NEVER_OPEN),
    Case(
        "degradation.window_s",
        5,
        sizes_after("xxxx ......"),
        [4, 4],
        [8],
        NEVER_OPEN,
    ),
    Case(
        "degradation.probe_interval_s",
        20,
        outcomes_of("xxxxxxxxxx. ."),
        "ffffffffffdm",
        "ffffffffffdd",
        NEVER_OPEN,
    ),
    Case("cache.ttl_s", 5, hit_after(10), usual=True, changed=False),
    Case("cache.max_bytes", 0, hit_after(0), usual=True, changed=False),
    Case(
        "cache.stale_if_error_s",
        5,
        reason_after_seventy_seconds,
        "stale_if_error",
        "runtime_unavailable",
    ),
    Case("tollama.max_points_per_call", 150, sizes_after("", 4), [4], [2, 2]),
    Case("tollama.max_series_per_call", 3, sizes_after("", 4), [4], [3, 1]),
]


def settings_of(base: Sections, **changed: dict[str, Any]) -> Settings:
    """Return settings with one call at most eight series, so that halves show."""
    sections: Sections = {"tollama": {"max_series_per_call": 8}}
    for more in (base, changed):
        for name, fields in more.items():
            sections[name] = sections.get(name, {}) | fields
    url = {"url": "http://127.0.0.1:9"}
    return with_tollama(**sections | {"tollama": sections["tollama"] | url})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_changing_a_setting_changes_what_the_service_does(case: Case) -> None:
    section, _, name = case.name.partition(".")

    usual = await case.play(settings_of(case.base))
    changed = await case.play(settings_of(case.base, **{section: {name: case.value}}))

    assert usual == case.usual
    assert changed == case.changed


def test_every_setting_of_resilience_is_played_here() -> None:
    settings = Settings()
    names = {
        f"{section}.{name}"
        for section in SECTIONS
        for name in type(getattr(settings, section)).model_fields
    }
    names |= {"tollama.max_points_per_call", "tollama.max_series_per_call"}

    assert {case.name for case in CASES} == names
    assert len(CASES) == len(names)
