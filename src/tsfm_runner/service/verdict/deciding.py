"""Decide, segment by segment, whether a model is proven better than the baselines."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from tsfm_runner.config import VerdictConfig
from tsfm_runner.domain.verdict import (
    SegmentVerdict,
    Verdict,
    VerdictOrigin,
    VerdictReason,
)
from tsfm_runner.service.verdict.evidence import SegmentEvidence
from tsfm_runner.service.verdict.measuring import Measured, measure

_TOO_FEW = (VerdictReason.TOO_FEW_GROUPS, VerdictReason.TOO_FEW_OUTCOMES)


class Occasion(NamedTuple):
    """When and from what is decided; ``configured`` is the baseline of the settings."""

    decided_at: datetime
    source: VerdictOrigin
    configured: str


def decide(
    evidence: Sequence[SegmentEvidence],
    current: Verdict | None,
    rules: VerdictConfig,
    occasion: Occasion,
) -> Verdict:
    """Return the verdict that follows from evidence, and from the one that holds.

    A model becomes proven in a segment where it lacks nothing: there are enough
    groups and outcomes, the interval of the ratio of its scores to those of the best
    baseline lies below 1, and its coverage is known well enough and not shown to be
    off. It stays proven until it is shown to be no better (the ratio itself is 1 or
    more) or its coverage is shown to be off by more than ``coverage_release``.

    Evidence of too few groups or outcomes changes nothing that was decided before,
    nor does evidence without the baseline that is served there, nor none at all:
    those segments are taken over as they are.
    """
    was = {} if current is None else {one.key: one for one in current.segments}
    now = {
        one.key: _judged(
            measure(one, rules, occasion.configured), was.get(one.key), rules
        )
        for one in sorted(evidence, key=lambda one: one.n.size)
        if one.key not in was or was[one.key].better_baseline in one.baselines
    }
    known = set() if current is None else set(current.baselines)
    return Verdict(
        version=1 if current is None else current.version + 1,
        decided_at=occasion.decided_at,
        source=occasion.source,
        baselines=tuple(sorted(known.union(*(one.baselines for one in evidence)))),
        segments=tuple(one for _, one in sorted((was | now).items())),
    )


def _judged(
    found: Measured, was: SegmentVerdict | None, rules: VerdictConfig
) -> SegmentVerdict:
    lack = _lack(found, rules)
    if was is not None and lack in _TOO_FEW:
        return was
    is_held = was is not None and was.is_proven and not _is_refuted(found, rules)
    return SegmentVerdict(
        key=found.key,
        is_proven=lack is None or is_held,
        reason=lack,
        better_baseline=found.configured if lack in _TOO_FEW else found.better,
        against=found.against,
        ratio=found.ratio.value,
        low=found.ratio.low,
        high=found.ratio.high,
        closed=found.coverage.closed,
        open=found.coverage.open,
        error=found.coverage.error,
        n=found.n,
        n_groups=found.n_groups,
    )


def _lack(found: Measured, rules: VerdictConfig) -> VerdictReason | None:
    """Return what the model lacks to be proven anew, the plainest thing first."""
    lacks = (
        (VerdictReason.TOO_FEW_GROUPS, found.n_groups < rules.min_groups),
        (VerdictReason.TOO_FEW_OUTCOMES, found.n < rules.min_outcomes),
        (VerdictReason.NOT_BETTER, not found.is_better),
        (VerdictReason.NOT_SIGNIFICANT, not found.is_surely_better),
        (
            VerdictReason.COVERAGE_OFF,
            found.coverage.least_error > rules.coverage_tolerance,
        ),
        (VerdictReason.COVERAGE_UNSURE, found.coverage.margin > rules.coverage_margin),
    )
    return next((reason for reason, is_lacking in lacks if is_lacking), None)


def _is_refuted(found: Measured, rules: VerdictConfig) -> bool:
    """Whether enough outcomes show that a proven model is so no longer."""
    is_off = found.coverage.least_error > rules.coverage_release
    return is_off or not found.is_better
