from dataclasses import replace

import numpy as np
import pytest
from tests.fakes import FakeClock
from tests.service.builders import completer, prepared, router

from tsfm_runner.domain.forecast import CacheUse, FallbackReason, ServedForecast
from tsfm_runner.errors import InvalidTaskError, ModelNotAllowedError
from tsfm_runner.service.completing import Journey
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.remembering import Outcome
from tsfm_runner.service.rescuing import instead, is_cut_short

BAND = RawBand(np.tile([0.3, 0.4, 0.5], (3, 1)), {0.5: "native"}, (), 2)
DOWN = FallbackReason.RUNTIME_UNAVAILABLE
CUT_SHORT = {FallbackReason.DEADLINE_EXCEEDED, FallbackReason.OVERLOADED}


def answer(reason: FallbackReason | None = None, *, now_s: float = 0) -> ServedForecast:
    """Return the answer of a model, or of the baseline in its place."""
    clock, asked = FakeClock(), prepared()
    clock.now_s = now_s
    way = Journey(asked, router().plan(asked), None, now_s - 0.25)
    [served] = completer(clock=clock).complete([way.answered(reason or BAND)])
    return served


@pytest.mark.parametrize("reason", [None, *FallbackReason])
def test_an_answer_is_cut_short_by_its_own_request_alone(
    reason: FallbackReason | None,
) -> None:
    assert is_cut_short(answer(reason)) is (reason in CUT_SHORT)


@pytest.mark.parametrize(
    "refusal", [InvalidTaskError("freq", "is none"), ModelNotAllowedError("no")]
)
def test_a_refusal_is_not_cut_short(refusal: Outcome) -> None:
    assert not is_cut_short(refusal)


def test_an_older_answer_keeps_its_band_and_where_it_came_from() -> None:
    kept, failed = answer(), answer(DOWN, now_s=100)

    told = instead(failed, kept, age_s=100)

    assert told.values is kept.values
    assert told.task is kept.task
    assert told.computed_at_s == kept.computed_at_s
    origin = kept.provenance
    assert told.provenance == replace(
        origin,
        route=told.provenance.route,
        fallback_reason=told.provenance.fallback_reason,
        breaker_state=told.provenance.breaker_state,
    )


def test_an_older_answer_tells_how_the_present_request_went() -> None:
    kept, failed = answer(), answer(DOWN, now_s=100)
    failed = replace(
        failed,
        latency_ms=70,
        provenance=replace(failed.provenance, breaker_state="open"),
    )

    told = instead(failed, kept, age_s=100)

    assert told.latency_ms == 70
    assert told.cache == CacheUse(100, is_stale=True)
    assert told.provenance.breaker_state == "open"
    assert told.provenance.fallback_reason == FallbackReason.STALE_IF_ERROR
    assert [
        (step.rung, step.is_taken, step.reason) for step in told.provenance.route
    ] == [
        ("tollama", False, DOWN),
        ("tollama", True, FallbackReason.STALE_IF_ERROR),
    ]


def test_neither_answer_is_changed_when_one_stands_in() -> None:
    kept, failed = answer(), answer(DOWN)

    instead(failed, kept, age_s=100)

    assert kept.cache is None
    assert kept.provenance.fallback_reason is None
    assert failed.provenance.fallback_reason == DOWN
