"""Decide whether a model may take the place of another one."""

from collections.abc import Sequence
from typing import NamedTuple

from tsfm_runner.config import VerdictConfig
from tsfm_runner.domain.verdict import SegmentVerdict, VerdictReason
from tsfm_runner.service.verdict.deciding import Occasion, decide
from tsfm_runner.service.verdict.evidence import SegmentEvidence

_FORBIDS = frozenset({VerdictReason.NOT_BETTER, VerdictReason.COVERAGE_OFF})


class Preference(NamedTuple):
    """Whether a model is preferred to all that stood beside it, and from what."""

    is_preferred: bool
    segments: tuple[SegmentVerdict, ...]


def prefer(
    evidence: Sequence[SegmentEvidence], rules: VerdictConfig, occasion: Occasion
) -> Preference:
    """Return whether a model is preferred, from evidence beside the models it meets.

    It has to be proven better than the best of them at one step at least, by the
    rules of every verdict. At no step that is known well enough may its scores be
    worse, or its coverage be shown to be off.
    """
    segments = decide(evidence, None, rules, occasion).segments
    is_proven = any(one.is_proven for one in segments)
    is_forbidden = any(one.reason in _FORBIDS for one in segments)
    return Preference(is_proven and not is_forbidden, segments)
