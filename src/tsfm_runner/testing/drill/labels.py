"""Whether the label of an answer, its ``meta``, is whole and agrees with itself."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from tsfm_runner.domain.forecast import BreakerState, FallbackReason, Rung

_STALE = FallbackReason.STALE_IF_ERROR
_TEXTS = ("forecast_id", "model_name", "model_version", "license_tag")
_CLAIMS = ("fallback_used", "cache_hit", "cache_stale")


def wrong_label(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield everything that is missing or contradicts itself."""
    for name in _TEXTS:
        if not isinstance(meta.get(name), str) or not meta[name]:
            yield f"meta.{name} is no text"
    for name in _CLAIMS:
        if not isinstance(meta.get(name), bool):
            yield f"meta.{name} is neither true nor false"
    if meta.get("runtime") not in get_args(Rung):
        yield "meta.runtime is not known"
    if meta.get("breaker_state") not in get_args(BreakerState):
        yield "meta.breaker_state is not known"
    latency_ms = meta.get("latency_ms")
    if not isinstance(latency_ms, int | float) or not 0 <= latency_ms < math.inf:
        yield "meta.latency_ms is no time"
    yield from _wrong_fallback(meta)
    yield from _wrong_route(meta)


def _wrong_fallback(meta: Mapping[str, Any]) -> Iterator[str]:
    reason = meta.get("fallback_reason")
    if reason is not None and reason not in tuple(FallbackReason):
        yield "meta.fallback_reason is not in the closed list"
    if meta.get("fallback_used") is not (reason is not None):
        yield "meta.fallback_used and fallback_reason disagree"
    is_baseline = meta.get("runtime") == "baseline"
    if is_baseline is not (reason not in (None, _STALE)):
        yield "meta.runtime and fallback_reason disagree"
    if meta.get("cache_stale") is not (reason == _STALE):
        yield "meta.cache_stale and fallback_reason disagree"
    has_age = meta.get("cache_age_s") is not None
    if has_age is not meta.get("cache_hit"):
        yield "meta.cache_hit and cache_age_s disagree"


def _wrong_route(meta: Mapping[str, Any]) -> Iterator[str]:
    route = meta.get("route")
    if not isinstance(route, list) or not all(map(_is_step, route)):
        yield "meta.route is no list of steps"
        return
    if [step["taken"] for step in route] != [False] * (len(route) - 1) + [True]:
        yield "meta.route does not end at the one rung that was taken"
        return
    if route[-1]["rung"] != meta.get("runtime"):
        yield "meta.route ends at another rung than meta.runtime"
    if any(step["reason"] is None for step in route[:-1]):
        yield "meta.route skips a rung without a reason"
    reason = meta.get("fallback_reason")
    told = [step["reason"] for step in route if step["reason"] is not None]
    if (reason in told) if reason is not None else not told:
        return
    yield "meta.route and fallback_reason disagree"


def _is_step(step: object) -> bool:
    return isinstance(step, dict) and {"rung", "taken", "reason"} <= step.keys()
