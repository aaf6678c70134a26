"""A drill against services that are broken: it is no drill that cannot fail."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, repeat

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.testing.drill.drill_answers import (
    Answer,
    fallback_answer,
    good_answer,
)

from tsfm_runner.config import BreakerConfig, ResilienceConfig, Settings
from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.testing.drill import (
    Daemon,
    Drill,
    JumpingClock,
    Load,
    Phase,
    PhaseReport,
    Questions,
    Scene,
    Trouble,
)
from tsfm_runner.testing.drill.asking import ROUTE, Question
from tsfm_runner.testing.drill.checking import MODEL, Checked, Rules
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions

Service = Callable[[Question], Awaitable[web.StreamResponse]]

SETTINGS = Settings(
    breaker=BreakerConfig(cooldown_s=0.05),
    resilience=ResilienceConfig(attempt_timeout_s=0.05),
)
LOAD = Load(n_requests=8, concurrency=2)
BODIES = [{"as_of_ts": "2026-02-20T12:00:00Z", "y": [0.4, 0.4]}]
TIMEOUT = FallbackReason.RUNTIME_TIMEOUT


def is_model(answer: Checked) -> bool:
    return answer.outcome == MODEL


def phase(
    *reasons: FallbackReason, trace: Callable[[Checked], bool] = is_model
) -> Phase:
    return Phase(
        Trouble.HANG,
        strike=lambda _: None,
        mend=lambda _: None,
        rules=Rules(frozenset(reasons)),
        trace=trace,
    )


async def drilled(service: Service, trouble: Phase) -> PhaseReport:
    """Return the report of a phase before a service that is only played."""

    async def answer(request: web.Request) -> web.StreamResponse:
        request_id = request.headers["X-Request-ID"]
        response = await service(Question(request_id, await request.json()))
        response.headers["X-Request-ID"] = request_id
        return response

    app = web.Application()
    app.router.add_post(ROUTE, answer)
    scene = Scene(Daemon(FakeTollamaOptions()), JumpingClock(), SETTINGS)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(server.make_url("/")) as session,
    ):
        return await Drill(session, Questions(BODIES), scene, LOAD).run(trouble)


def answering(*answers: Callable[[Question], Answer]) -> Service:
    """Return a service that answers so in turn, and with the last one for ever."""
    turns: Iterator[Callable[[Question], Answer]] = chain(answers, repeat(answers[-1]))

    async def service(question: Question) -> web.StreamResponse:
        return web.json_response(next(turns)(question))

    return service


def timed_out(question: Question) -> Answer:
    return fallback_answer(question, TIMEOUT)


def unordered(question: Question) -> Answer:
    answer = good_answer(question)
    answer["yhat_q"]["0.1"][3] = 0.9
    return answer


def unlabelled(question: Question) -> Answer:
    answer = good_answer(question)
    del answer["meta"]["fallback_reason"]
    answer["meta"]["runtime"] = "baseline"
    return answer


async def failing(question: Question) -> web.StreamResponse:
    del question
    return web.json_response({"code": "internal_error"}, status=500)


async def refusing(question: Question) -> web.StreamResponse:
    del question
    return web.json_response({}, status=503, headers={"Retry-After": "1"})


async def dropping(question: Question) -> web.StreamResponse:
    del question
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1)
    raise AssertionError


async def test_a_service_without_a_fault_passes() -> None:
    report = await drilled(answering(good_answer), phase())

    assert report.failures == []
    assert len(report.during) == 8
    assert len(report.after) == 3
    assert report.recovery_s is not None


async def test_a_service_that_falls_back_and_recovers_passes() -> None:
    trouble = phase(TIMEOUT, trace=lambda answer: answer.outcome == TIMEOUT)

    report = await drilled(answering(*[timed_out] * 10, good_answer), trouble)

    assert report.failures == []
    assert report.outcomes == {TIMEOUT: 8}


@pytest.mark.parametrize(
    ("service", "failure"),
    [
        (answering(unordered, good_answer), "yhat_q is not in order (1 times)"),
        (
            answering(good_answer, unlabelled, good_answer),
            "meta.runtime and fallback_reason disagree (1 times)",
        ),
        (
            answering(timed_out, good_answer),
            f"has a reason that was not to be expected: {TIMEOUT} (1 times)",
        ),
    ],
)
async def test_a_single_bad_answer_fails(service: Service, failure: str) -> None:
    report = await drilled(service, phase())

    assert failure in report.failures


@pytest.mark.parametrize(
    ("service", "failure"),
    [
        (failing, "status 500"),
        (refusing, "status 503"),
        (dropping, "no answer: ServerDisconnectedError"),
    ],
)
async def test_an_answer_that_is_none_fails(service: Service, failure: str) -> None:
    report = await drilled(service, phase())

    assert any(what.startswith(f"{failure} (") for what in report.failures)
    assert report.n_valid_bands == 0


async def test_a_service_that_never_comes_back_to_models_fails() -> None:
    trouble = phase(TIMEOUT, trace=lambda answer: answer.outcome == TIMEOUT)

    report = await drilled(answering(timed_out), trouble)

    assert report.failures == [
        "no model answered after it was over",
        "did not come back to answers by models alone",
    ]


async def test_a_trouble_that_nobody_noticed_fails() -> None:
    trouble = phase(TIMEOUT, trace=lambda answer: answer.outcome == TIMEOUT)

    report = await drilled(answering(good_answer), trouble)

    assert report.failures == ["no answer shows that anything was wrong"]
