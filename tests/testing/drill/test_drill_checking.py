import math
from dataclasses import replace
from typing import Any

import pytest
from tests.testing.drill.drill_answers import (
    Answer,
    Spoiler,
    fallback_answer,
    good_answer,
    question,
    reply_of,
)

from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.testing.drill.asking import Reply
from tsfm_runner.testing.drill.checking import Checked, Rules, check

ASKED = question()
TIMEOUT = Rules(frozenset({FallbackReason.RUNTIME_TIMEOUT}))
TURNED_AWAY = {
    "X-Request-ID": ASKED.request_id,
    "Retry-After": "1",
    "Content-Type": "application/problem+json",
}


def checked(answer: object, rules: Rules = TIMEOUT, *, status: int = 200) -> Checked:
    return check(reply_of(ASKED, answer, status=status), ASKED, rules)


def meta(**changes: Any) -> Spoiler:  # noqa: ANN401 - JSON is any
    return lambda answer: answer["meta"].update(changes)


def without_meta(name: str) -> Spoiler:
    return lambda answer: answer["meta"].pop(name)


def price(value: object, *, band: str = "yhat_q") -> Spoiler:
    def spoil(answer: Answer) -> None:
        answer[band]["0.9"][-1] = value

    return spoil


def columns(change: Spoiler) -> Spoiler:
    return lambda answer: change(answer["yhat_q"])


def move(answer: Answer) -> None:
    for column in answer["yhat_q"].values():
        column[0] += 0.06


STEP = {"rung": "tollama", "taken": True, "reason": None}
SKIPPED = {"rung": "tollama", "taken": False, "reason": None}
NO_PRICES = "yhat_q has not a price in [0, 1] for every step"
NO_LEVELS = "yhat_q has not the levels that were asked for"
ODD_REASON = "meta.fallback_reason is not in the closed list"
ODD_ROUTE = "meta.route does not end at the one rung that was taken"
SPOILED: list[tuple[Spoiler, str]] = [
    (price(1.01), NO_PRICES),
    (price(-0.01), NO_PRICES),
    (price(math.nan), NO_PRICES),
    (price(math.inf), NO_PRICES),
    (price(None), NO_PRICES),
    (price("0.5"), NO_PRICES),
    (columns(lambda band: band["0.5"].pop()), NO_PRICES),
    (columns(lambda band: band["0.5"].append(0.4)), NO_PRICES),
    (price(0.3), "yhat_q is not in order"),
    (price(0.3, band="yhat_q_raw"), "yhat_q_raw is not in order"),
    (columns(lambda band: band.pop("0.1")), NO_LEVELS),
    (columns(lambda band: band.update({"0.95": band["0.9"]})), NO_LEVELS),
    (lambda answer: answer.pop("yhat_q"), NO_LEVELS),
    (move, "yhat_q is far from the price of its market"),
    (
        lambda answer: answer.update(market_id="another"),
        "market_id is not the one that was asked for",
    ),
    (lambda answer: answer.update(meta=None), "no meta"),
    (without_meta("forecast_id"), "meta.forecast_id is no text"),
    (meta(model_name=""), "meta.model_name is no text"),
    (without_meta("license_tag"), "meta.license_tag is no text"),
    (without_meta("fallback_used"), "meta.fallback_used is neither true nor false"),
    (meta(cache_hit="no"), "meta.cache_hit is neither true nor false"),
    (meta(runtime="oracle"), "meta.runtime is not known"),
    (meta(breaker_state=None), "meta.breaker_state is not known"),
    (meta(latency_ms=-1), "meta.latency_ms is no time"),
    (meta(latency_ms=math.inf), "meta.latency_ms is no time"),
    (meta(fallback_used=True), "meta.fallback_used and fallback_reason disagree"),
    (meta(fallback_reason="bad_luck"), ODD_REASON),
    (meta(runtime="baseline"), "meta.runtime and fallback_reason disagree"),
    (meta(cache_stale=True), "meta.cache_stale and fallback_reason disagree"),
    (meta(cache_age_s=3.0), "meta.cache_hit and cache_age_s disagree"),
    (without_meta("route"), "meta.route is no list of steps"),
    (meta(route=["tollama"]), "meta.route is no list of steps"),
    (meta(route=[]), ODD_ROUTE),
    (meta(route=[SKIPPED]), ODD_ROUTE),
    (meta(route=[STEP, STEP]), ODD_ROUTE),
    (meta(route=[SKIPPED, STEP]), "meta.route skips a rung without a reason"),
    (
        meta(route=[STEP | {"rung": "embedded"}]),
        "meta.route ends at another rung than meta.runtime",
    ),
    (
        meta(route=[STEP | {"reason": "degraded"}]),
        "meta.route and fallback_reason disagree",
    ),
]


def test_a_good_answer_has_no_defect() -> None:
    found = checked(good_answer(ASKED))

    assert found.defects == ()
    assert found.outcome == "model"
    assert found.is_answer
    assert found.is_valid_band


def test_a_baseline_that_says_why_has_no_defect() -> None:
    found = checked(fallback_answer(ASKED, "runtime_timeout"))

    assert found.defects == ()
    assert found.outcome == "runtime_timeout"


def test_an_answer_that_was_kept_counts_as_the_caches() -> None:
    answer = good_answer(ASKED)
    answer["meta"] |= {"cache_hit": True, "cache_age_s": 0.5}

    found = checked(answer)

    assert found.defects == ()
    assert found.outcome == "cache"


def test_an_old_answer_in_place_of_a_model_has_no_defect() -> None:
    reason = FallbackReason.STALE_IF_ERROR
    answer = good_answer(ASKED)
    answer["meta"] |= {
        "fallback_used": True,
        "fallback_reason": reason,
        "route": [
            {"rung": "tollama", "taken": False, "reason": "breaker_open"},
            STEP | {"reason": reason},
        ],
        "cache_hit": True,
        "cache_stale": True,
        "cache_age_s": 61.0,
    }

    assert checked(answer, Rules(frozenset({reason}))).defects == ()


@pytest.mark.parametrize(("spoil", "defect"), SPOILED)
def test_each_defect_is_found(spoil: Spoiler, defect: str) -> None:
    answer = good_answer(ASKED)

    spoil(answer)
    found = checked(answer)

    assert defect in found.defects
    assert not found.is_valid_band


def test_a_route_that_hides_the_reason_is_found() -> None:
    answer = fallback_answer(ASKED, "runtime_timeout")
    answer["meta"]["route"][0]["reason"] = "degraded"

    assert checked(answer).defects == ("meta.route and fallback_reason disagree",)


def test_a_reason_that_does_not_fit_the_trouble_is_found() -> None:
    found = checked(fallback_answer(ASKED, "too_few_points"))

    assert found.defects == (
        "has a reason that was not to be expected: too_few_points",
    )


def test_a_model_that_cannot_have_answered_is_found() -> None:
    found = checked(good_answer(ASKED), replace(TIMEOUT, may_be_model=False))

    assert found.defects == ("says it is a model's, and no model could answer",)


def test_another_request_id_is_found() -> None:
    reply = reply_of(ASKED, good_answer(ASKED))

    found = check(replace(reply, headers={}), ASKED, TIMEOUT)

    assert found.defects == ("X-Request-ID is not that of the request",)


def test_a_median_may_lie_anywhere_where_the_model_says_so() -> None:
    answer = good_answer(ASKED)
    move(answer)
    move({"yhat_q": answer["yhat_q_raw"]})

    assert checked(answer, Rules(keeps_price=False)).defects == ()


@pytest.mark.parametrize("status", [400, 429, 500, 502, 503])
def test_any_other_status_is_a_defect(status: int) -> None:
    found = checked(good_answer(ASKED), status=status)

    assert found.defects == (f"status {status}",)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"meta"'])
def test_a_body_that_is_no_answer_is_a_defect(body: bytes) -> None:
    reply = replace(reply_of(ASKED, None), body=body)

    assert check(reply, ASKED, TIMEOUT).defects == ("no JSON object",)


def test_an_answer_that_never_came_is_a_defect() -> None:
    found = check(Reply(None, {}, b"", 9.0, "ClientOSError"), ASKED, TIMEOUT)

    assert found.defects == ("no answer: ClientOSError",)
    assert not found.is_answer


def test_who_may_be_turned_away_is_told_when_to_come_back() -> None:
    rules = Rules(may_be_turned_away=True)

    found = check(Reply(503, TURNED_AWAY, b"{}", 1.0), ASKED, rules)

    assert found.defects == ()
    assert found.outcome == "turned_away"
    assert not found.is_valid_band


@pytest.mark.parametrize(
    ("header", "defect"),
    [
        ("Retry-After", "turned away without Retry-After"),
        ("Content-Type", "turned away without a problem"),
        ("X-Request-ID", "X-Request-ID is not that of the request"),
    ],
)
def test_who_is_turned_away_without_a_word_is_found(header: str, defect: str) -> None:
    headers = {name: value for name, value in TURNED_AWAY.items() if name != header}
    rules = Rules(may_be_turned_away=True)

    found = check(Reply(503, headers, b"{}", 1.0), ASKED, rules)

    assert found.defects == (defect,)
