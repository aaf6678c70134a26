"""A question of a drill, a faultless answer to it, and ways to spoil the answer."""

import json
from collections.abc import Callable
from typing import Any

from tsfm_runner.testing.drill.asking import Question, Questions, Reply

Answer = dict[str, Any]
Spoiler = Callable[[Answer], None]

PRICE = 0.4


def question() -> Question:
    body = {"as_of_ts": "2026-02-20T12:00:00Z", "y": [0.39, PRICE]}
    return Questions([body]).new()


def good_answer(asked: Question) -> Answer:
    """Return what a model answers when all is well."""
    band = {
        level: [PRICE + shift] * asked.body["horizon_steps"]
        for level, shift in (("0.1", -0.1), ("0.5", 0.0), ("0.9", 0.1))
    }
    return {
        "market_id": asked.body["market_id"],
        "yhat_q": band,
        "yhat_q_raw": {level: [*column] for level, column in band.items()},
        "meta": {
            "forecast_id": "f1",
            "runtime": "tollama",
            "model_name": "chronos2",
            "model_version": "r1",
            "license_tag": "commercial_ok",
            "route": [{"rung": "tollama", "taken": True, "reason": None}],
            "fallback_used": False,
            "fallback_reason": None,
            "warnings": [],
            "batch_size": 1,
            "breaker_state": "closed",
            "cache_hit": False,
            "cache_stale": False,
            "cache_age_s": None,
            "latency_ms": 3.5,
        },
    }


def fallback_answer(asked: Question, reason: str) -> Answer:
    """Return what a baseline answers in place of a model."""
    answer = good_answer(asked)
    answer["meta"] |= {
        "runtime": "baseline",
        "model_name": "ewma",
        "route": [
            {"rung": "tollama", "taken": False, "reason": reason},
            {"rung": "baseline", "taken": True, "reason": None},
        ],
        "fallback_used": True,
        "fallback_reason": reason,
        "breaker_state": "open",
    }
    return answer


def reply_of(asked: Question, answer: object, *, status: int = 200) -> Reply:
    headers = {"X-Request-ID": asked.request_id}
    return Reply(status, headers, json.dumps(answer).encode(), 5.0)
