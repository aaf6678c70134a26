"""Hold one answer against everything that a caller is promised."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.testing.drill.asking import Question, Reply
from tsfm_runner.testing.drill.labels import wrong_label

MODEL, CACHE = "model", "cache"
TURNED_AWAY, MISSING, INVALID = "turned_away", "missing", "invalid"

_OK, _UNAVAILABLE = 200, 503
_PROBLEM_TYPE = "application/problem+json"
_BANDS = ("yhat_q", "yhat_q_raw")
# The double's model and the baselines centre their bands on the last price.
_MAX_FROM_PRICE = 0.05


@dataclass(frozen=True, slots=True)
class Rules:
    """What an answer may say; it depends on what is wrong just now.

    With ``keeps_price`` the median of the first step lies near the last price: no
    market has got the band of another.
    """

    reasons: frozenset[FallbackReason] = frozenset()
    may_be_model: bool = True
    may_be_turned_away: bool = False
    keeps_price: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    """One answer: who gave it or why no model did, and all that is wrong with it."""

    outcome: str
    defects: tuple[str, ...]
    latency_ms: float
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_answer(self) -> bool:
        """Whether anything came back."""
        return self.outcome != MISSING

    @property
    def is_valid_band(self) -> bool:
        """Whether it is a band, and nothing is wrong with it."""
        return self.outcome != TURNED_AWAY and not self.defects


def check(reply: Reply, question: Question, rules: Rules) -> Checked:
    """Return what was answered, with everything that is wrong about it."""
    if reply.status is None:
        return Checked(MISSING, (f"no answer: {reply.error}",), reply.latency_ms)
    defects = [*_wrong_id(reply, question)]
    if reply.status == _UNAVAILABLE and rules.may_be_turned_away:
        defects += _wrong_refusal(reply)
        return Checked(TURNED_AWAY, tuple(defects), reply.latency_ms)
    answer = _decoded(reply.body)
    if reply.status != _OK or answer is None:
        what = "no JSON object" if reply.status == _OK else f"status {reply.status}"
        return Checked(INVALID, (*defects, what), reply.latency_ms)
    defects += _wrong_bands(answer, question, rules)
    meta = answer.get("meta")
    if not isinstance(meta, dict):
        return Checked(INVALID, (*defects, "no meta"), reply.latency_ms)
    defects += wrong_label(meta)
    defects += _wrong_reason(meta, rules)
    return Checked(_outcome(meta), tuple(defects), reply.latency_ms, meta)


def _decoded(body: bytes) -> Mapping[str, Any] | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _wrong_id(reply: Reply, question: Question) -> Iterator[str]:
    if reply.headers.get("X-Request-ID") != question.request_id:
        yield "X-Request-ID is not that of the request"


def _wrong_refusal(reply: Reply) -> Iterator[str]:
    if not reply.headers.get("Retry-After", "").isdigit():
        yield "turned away without Retry-After"
    if reply.headers.get("Content-Type") != _PROBLEM_TYPE:
        yield "turned away without a problem"


def _wrong_bands(
    answer: Mapping[str, Any], question: Question, rules: Rules
) -> Iterator[str]:
    asked = question.body
    if answer.get("market_id") != asked["market_id"]:
        yield "market_id is not the one that was asked for"
    for name in _BANDS:
        band = answer.get(name)
        what = _wrong_band(band, asked["quantiles"], asked["horizon_steps"])
        if what is not None:
            yield f"{name} {what}"
        elif rules.keeps_price and isinstance(band, dict):
            distance = abs(band["0.5"][0] - asked["y"][-1])
            if distance > _MAX_FROM_PRICE:
                yield f"{name} is far from the price of its market"


def _wrong_band(band: object, levels: list[float], n_steps: int) -> str | None:
    if not isinstance(band, dict) or list(band) != [repr(level) for level in levels]:
        return "has not the levels that were asked for"
    columns = list(band.values())
    if not all(_is_column(column, n_steps) for column in columns):
        return "has not a price in [0, 1] for every step"
    steps = zip(*columns, strict=True)
    if any(low > high for step in steps for low, high in pairwise(step)):
        return "is not in order"
    return None


def _is_column(column: object, n_steps: int) -> bool:
    return (
        isinstance(column, list)
        and len(column) == n_steps
        and all(
            isinstance(price, int | float) and math.isfinite(price) and 0 <= price <= 1
            for price in column
        )
    )


def _wrong_reason(meta: Mapping[str, Any], rules: Rules) -> Iterator[str]:
    """Yield what cannot be true while this is wrong."""
    reason = meta.get("fallback_reason")
    if reason is None and not rules.may_be_model:
        yield "says it is a model's, and no model could answer"
    elif reason is not None and reason not in rules.reasons:
        yield f"has a reason that was not to be expected: {reason}"


def _outcome(meta: Mapping[str, Any]) -> str:
    reason = meta.get("fallback_reason")
    if reason is not None:
        return str(reason)
    return CACHE if meta.get("cache_hit") else MODEL
