from dataclasses import replace

import pytest
from tests.service.builders import service, task

from tsfm_runner.domain.forecast import FallbackReason, Provenance, RouteStep, Rung

MODEL: Rung = "tollama"
EMBEDDED: Rung = "embedded"
BASELINE: Rung = "baseline"
POLICY, TIMEOUT = FallbackReason.ROUTE_POLICY, FallbackReason.RUNTIME_TIMEOUT
STALE, SHORT = FallbackReason.STALE_IF_ERROR, FallbackReason.TOO_FEW_POINTS


async def test_a_forecast_without_reason_is_no_fallback() -> None:
    [full, short] = await service().forecast_many(
        [task(), task([0.4, 0.5])], deadline_s=1
    )

    assert not full.provenance.is_fallback  # type: ignore[union-attr]
    assert short.provenance.is_fallback  # type: ignore[union-attr]


async def _provenance(*route: RouteStep) -> Provenance:
    """Return the provenance of an answer that went this way."""
    [served] = await service().forecast_many([task()], deadline_s=1)
    provenance: Provenance = served.provenance  # type: ignore[union-attr]
    return replace(provenance, runtime=route[-1].rung, route=route)


def skipped(rung: Rung, reason: FallbackReason) -> RouteStep:
    return RouteStep(rung, is_taken=False, reason=reason)


def taken(rung: Rung, reason: FallbackReason | None = None) -> RouteStep:
    return RouteStep(rung, is_taken=True, reason=reason)


@pytest.mark.parametrize(
    ("route", "failure", "is_meant_for_model"),
    [
        ([taken(MODEL)], None, True),
        ([skipped(MODEL, TIMEOUT), taken(BASELINE)], TIMEOUT, True),
        ([skipped(MODEL, TIMEOUT), taken(EMBEDDED)], TIMEOUT, True),
        ([skipped(MODEL, TIMEOUT), taken(MODEL, STALE)], TIMEOUT, True),
        (
            [skipped(MODEL, POLICY), skipped(EMBEDDED, TIMEOUT), taken(BASELINE)],
            TIMEOUT,
            True,
        ),
        ([skipped(MODEL, POLICY), taken(EMBEDDED)], None, True),
        ([skipped(MODEL, POLICY), taken(BASELINE)], None, False),
        ([taken(BASELINE, SHORT)], None, False),
        ([taken(BASELINE)], None, False),
    ],
)
async def test_only_what_a_model_failed_at_is_its_failure(
    *, route: list[RouteStep], failure: FallbackReason | None, is_meant_for_model: bool
) -> None:
    provenance = await _provenance(*route)

    assert provenance.model_failure == failure
    assert provenance.is_meant_for_model is is_meant_for_model
