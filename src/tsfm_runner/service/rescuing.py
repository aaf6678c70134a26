"""Which answers are not good enough, and what stands in for them."""

from dataclasses import replace

from tsfm_runner.domain.forecast import (
    CacheUse,
    FallbackReason,
    RouteStep,
    ServedForecast,
)
from tsfm_runner.service.remembering import Outcome

# Another request with the same task may have more time, or come at a better moment.
_CUT_SHORT = (FallbackReason.DEADLINE_EXCEEDED, FallbackReason.OVERLOADED)


def is_cut_short(outcome: Outcome) -> bool:
    """Return whether an answer suffers from its own request, not from the runtime."""
    return (
        isinstance(outcome, ServedForecast)
        and outcome.provenance.fallback_reason in _CUT_SHORT
    )


def instead(
    failed: ServedForecast, kept: ServedForecast, *, age_s: float
) -> ServedForecast:
    """Return the kept answer in place of the failed one, and how that came about."""
    reason = FallbackReason.STALE_IF_ERROR
    rung = kept.provenance.runtime
    skipped = tuple(step for step in failed.provenance.route if not step.is_taken)
    provenance = replace(
        kept.provenance,
        route=(*skipped, RouteStep(rung, is_taken=True, reason=reason)),
        fallback_reason=reason,
        breaker_state=failed.provenance.breaker_state,
    )
    use = CacheUse(age_s, is_stale=True)
    return replace(kept, provenance=provenance, latency_ms=failed.latency_ms, cache=use)
